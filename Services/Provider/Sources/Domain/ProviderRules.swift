/// What the test provider does with a payment method and an amount: the behaviours that a caller must survive.
enum Behaviour: Sendable, Equatable {
    case works
    case declines
    /// Answers a failure, stores it under the key and repeats it.
    case storesFailure
    /// Acts, and its answer is lost the first time.
    case losesAnswerAfterActing
    /// Its answer is lost the first time, and it has not acted.
    case losesAnswerBeforeActing

    /// By the method's name, and for `pm_test_by_amount` by the last two digits.
    ///
    /// - Returns: `nil` for a method that does not exist.
    static func of(method: String, amount: Int64) -> Behaviour? {
        switch method {
        case "pm_test_ok": .works
        case "pm_test_declined": .declines
        case "pm_test_by_amount":
            switch amount % 100 {
            case 2: .declines
            case 5: .storesFailure
            case 8: .losesAnswerAfterActing
            case 9: .losesAnswerBeforeActing
            default: .works
            }
        default: nil
        }
    }
}

/// Why the provider says no.
enum ProviderError: Error, Equatable {
    case declined
    case unknownMethod(String)
    case unknownPayment(String)
    case wrongState(String)
    case refundTooLarge(wanted: Int64, left: Int64)
    case keyReused
    case keyMissing
    case storedFailure
    case answerLost
}
