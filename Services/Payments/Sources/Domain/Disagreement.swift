import MartletCore

/// The provider reports that it did something else than it was asked for.
///
/// No call about the payment is made, and nothing is booked, until an operator has corrected it at the provider and has had
/// the payment checked again. The payment's status shows what was asked for.
struct Disagreement: Sendable, Equatable {
    /// The refund that was asked for; `nil` for another step.
    let refundID: String?
    /// What differs, in words.
    var difference: String
    /// When it was found.
    let since: Timestamp
}
