import MartletCore

/// The state of one payment.
struct Payment: Sendable, Equatable {
    enum Status: String, Sendable, Equatable {
        /// The provider call is in flight, or its response was lost. Goes to `authorised`, `declined` or `voided`.
        case authorising
        /// Goes to `capturing` or `voiding`.
        case authorised
        case declined
        /// Goes to `captured`.
        case capturing
        case captured
        /// Goes to `voided`.
        case voiding
        case voided
    }

    /// Our id, which is the provider's reference.
    let id: String
    let orderID: String
    let currency: String
    /// Minor units, at least 1; 0 for a payment that was voided before it was authorised.
    let amount: Int64
    /// The provider's token of a payment method.
    let method: String
    var status: Status
    /// The provider's id; `nil` until its response is stored.
    var providerID: String?
    /// Number of the current idempotency key, stored before the call; increased when a key is used up.
    var attempt: Int
    /// When the current key was stored.
    var keySince: Timestamp
    var refundedMinorUnits: Int64
    /// When it was first requested; `nil` until it is stored.
    var created: Timestamp?

    /// The idempotency key of `step`; changes only with `attempt`.
    func key(_ step: String) -> String { "\(step)/\(id)/\(attempt)" }

    var capturedMinorUnits: Int64 { status == .captured ? amount : 0 }
}

/// A partial or full refund of a captured payment.
struct Refund: Sendable, Equatable {
    /// Our id, unique per payment.
    let id: String
    let paymentID: String
    let amount: Int64
    var isDone: Bool
    var attempt: Int
    var keySince: Timestamp

    func key() -> String { "refund/\(paymentID)/\(id)/\(attempt)" }
}

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
