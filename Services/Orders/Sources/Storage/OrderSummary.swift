import MartletCore
import MartletEventSourcing
import MartletSQL

/// The read model of an order, updated in the transaction of its events.
struct OrderSummary: Sendable, Equatable {
    let orderID: String
    let status: Order.Status
    let customerID: ExactText
    /// The merchant's own number.
    let reference: String?
    let currency: String
    let total: Int64
    let captured: Int64
    let refunded: Int64
    let openReturns: Int
    let placed: Timestamp
    /// Why it was rejected, as a code, or what the customer wrote who cancelled it; `nil` without one, and when the text
    /// is gone.
    let reason: String?

    /// Applies the events of the streams to the read model.
    static let projection = Projection(
        "order_headlines",
        apply: { (stored: StoredEvent, tx: borrowing SQLTransaction) in
            try apply(try OrderEvent(stored), of: stored.stream, at: stored.at, in: tx)
        },
        clear: { (tx: borrowing SQLTransaction) in try tx.run("DELETE FROM order_headlines") }
    )

    private static func apply(
        _ event: OrderEvent,
        of id: String,
        at: Timestamp,
        in tx: borrowing SQLTransaction
    ) throws {
        switch event {
        case .placed(let placement):
            try tx.run(
                """
                INSERT INTO order_headlines (order_id, status, customer_id, reference, currency, total, captured,
                    refunded, returns, open_returns, placed_at, cart_revision, cart, cart_version)
                VALUES (\(id), 'pending', \(placement.customerID), \(placement.reference), \(placement.currency),
                    \(placement.totalMinorUnits), 0, 0, 0, 0, \(at.microseconds), \(placement.cartRevision),
                    \(placement.cart), \(placement.cartVersion))
                """
            )
        case .confirmed: try set(.confirmed, id, in: tx)
        case .completed: try set(.completed, id, in: tx)
        case .rejected(let reason):
            try set(.rejected, id, because: reason, in: tx)
            try releaseCart(of: id, in: tx)
        case .cancelRequested: try releaseCart(of: id, in: tx)
        case .cancelled(let textID): try set(.cancelled, id, textID: textID, in: tx)
        case .captured(let minorUnits):
            try tx.run("UPDATE order_headlines SET captured = \(minorUnits) WHERE order_id = \(id)")
        case .returnRequested:
            try tx.run(
                """
                UPDATE order_headlines SET returns = returns + 1, open_returns = open_returns + 1
                WHERE order_id = \(id)
                """
            )
        case .returnCompleted(_, let refund):
            try tx.run(
                """
                UPDATE order_headlines SET refunded = refunded + \(refund), open_returns = open_returns - 1
                WHERE order_id = \(id)
                """
            )
        case .stockReserved, .paymentAuthorised, .captureRequested: break
        }
    }

    /// The order takes no units of its cart, or gives its money back: they can be ordered again.
    private static func releaseCart(of id: String, in tx: borrowing SQLTransaction) throws {
        try tx.run("UPDATE order_headlines SET cart_revision = NULL, cart_version = NULL WHERE order_id = \(id)")
    }

    private static func set(
        _ status: Order.Status,
        _ id: String,
        because reason: String? = nil,
        textID: ExactText? = nil,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            UPDATE order_headlines SET status = \(status.rawValue), reason = \(reason ?? ""),
                reason_text_id = \(textID)
            WHERE order_id = \(id)
            """
        )
    }
}
