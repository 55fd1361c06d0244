/// How the test provider handles a payment method and an amount: the faults that a caller must tolerate.
enum Behaviour: Sendable, Equatable {
    case works
    case declines
    /// Returns a failure, stores it under the key and repeats it.
    case storesFailure
    /// Acts, but its first response is lost.
    case losesResponse
    /// The first call is lost before it acts.
    case losesRequest

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
            case 8: .losesResponse
            case 9: .losesRequest
            default: .works
            }
        default: nil
        }
    }
}
