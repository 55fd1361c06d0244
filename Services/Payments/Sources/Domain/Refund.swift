import MartletCore

/// A partial or full refund of a captured payment.
struct Refund: Sendable, Equatable {
    /// Our id, unique per payment.
    let id: String
    let paymentID: String
    /// Minor units, at least 1.
    let amount: Int64
    var isDone: Bool
    var attempt: Int
    var keySince: Timestamp

    func key() -> String { "refund/\(KeySegment(paymentID))/\(id)/\(attempt)" }
}
