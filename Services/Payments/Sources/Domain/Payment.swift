import MartletCore

/// The state of one payment with its refunds.
///
/// Its steps (`begin`, `received`, `checkOutcome`) decide on values: they see neither tables nor the provider.
struct Payment: Sendable, Equatable {
    enum Status: String, Sendable, Equatable {
        /// The provider call is in flight, or its response was lost. Goes to `authorised`, `declined` or `voided`.
        case authorising
        /// Goes to `capturing` or `voiding`.
        case authorised
        case declined
        /// Goes to `captured`; to `voided` when the provider has cancelled the authorisation.
        case capturing
        case captured
        /// Goes to `voided`.
        case voiding
        case voided
    }

    /// What is to be paid for which order, and how.
    struct Terms: Sendable, Equatable {
        let orderID: ExactText
        let currency: ExactText
        /// Minor units, at least 1.
        let amount: Int64
        /// The provider's token of a payment method.
        let method: ExactText
    }

    /// How many keys stored failures may use up before an operator must decide.
    static let attemptsLimit = 5

    /// Our id, which is the provider's reference.
    let id: String
    /// `nil` for a payment that was voided before its authorisation was requested.
    let terms: Terms?
    var status: Status
    /// The provider's id; `nil` until its response is stored.
    var providerID: String?
    /// Number of the current idempotency key, stored before the call; increased when a key is used up.
    var attempt: Int
    /// When the current key was stored.
    var keySince: Timestamp
    /// Only a captured payment has any.
    var refunds: [Refund]
    /// The sum of the refunds that are done.
    var refundedMinorUnits: Int64
    /// When it was first requested.
    let created: Timestamp
    /// What the provider reports, when that is not what it was asked for; `nil` otherwise.
    var disagreement: Disagreement?

    /// The idempotency key of `step`; changes only with `attempt`.
    func key(_ step: String) -> String { "\(step)/\(id)/\(attempt)" }

    var capturedMinorUnits: Int64 { status == .captured ? terms?.amount ?? 0 : 0 }
}
