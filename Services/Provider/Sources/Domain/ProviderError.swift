/// Domain errors of the test provider.
enum ProviderError: Error, Equatable {
    case declined
    case unknownMethod(String)
    case unknownPayment(String)
    case wrongState(String)
    case refundTooLarge(requested: Int64, left: Int64)
    case keyReused
    case keyMissing
    case storedFailure
    case responseLost
}
