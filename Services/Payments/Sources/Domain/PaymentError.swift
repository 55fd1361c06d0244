/// Domain errors of payments.
enum PaymentError: Error, Equatable {
    case unknownPayment(String)
    case declined
    case paymentMismatch(String)
    case refundMismatch(String)
    case notAuthorised(Payment.Status)
    case notCaptured(Payment.Status)
    case alreadyCaptured
    case voided
    case refundExceedsCapture(requested: Int64, left: Int64)
    case amountOutOfRange
    /// A refund is in the payment's own currency, which is this one.
    case otherCurrency(String)
    /// The provider's response contradicts our records: an operator must decide.
    case providerDisagrees(String)
}
