import MartletCore

/// One payment: decides which step may be taken; asks nobody and keeps nothing.
struct Payment: Sendable, Equatable {
    enum Status: String, Sendable, Equatable {
        /// The provider is being asked, or its answer got lost. Goes to `authorised`, `declined` or `voided`.
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

    /// Ours, and the provider's reference.
    let id: String
    let orderID: String
    let currency: String
    /// Minor units, at least 1; 0 for a payment that was voided before it was asked for.
    let amount: Int64
    /// The provider's token of a payment method.
    let method: String
    var status: Status
    /// The provider's own id; `nil` until it is known.
    var providerID: String?
    /// Counts the keys that were used up by a stored failure; part of the key, stored before the call.
    var attempt: Int
    /// Since when the present key is in use.
    var keySince: Timestamp
    var refundedMinorUnits: Int64
    /// When it was first asked for; `nil` until it is on file.
    var created: Timestamp?

    /// The key under which the provider is asked to do `step`; equal until the provider has stored a failure under it.
    func key(_ step: String) -> String { "\(step)/\(id)/\(attempt)" }

    var capturedMinorUnits: Int64 { status == .captured ? amount : 0 }
}

/// Part or all of a captured payment that goes back.
struct Refund: Sendable, Equatable {
    /// Ours, unique per payment.
    let id: String
    let paymentID: String
    let amount: Int64
    var isDone: Bool
    var attempt: Int
    var keySince: Timestamp

    func key() -> String { "refund/\(paymentID)/\(id)/\(attempt)" }
}

/// Why a payment says no.
enum PaymentError: Error, Equatable {
    case unknownPayment(String)
    case declined
    case paymentMismatch(String)
    case refundMismatch(String)
    case notAuthorised(Payment.Status)
    case notCaptured(Payment.Status)
    case alreadyCaptured
    case voided
    case refundExceedsCapture(wanted: Int64, left: Int64)
    case amountOutOfRange
    /// A refund is in the payment's own currency, which is this one.
    case otherCurrency(String)
    /// The provider's answer does not fit what we know: a person must look.
    case providerDisagrees(String)
}
