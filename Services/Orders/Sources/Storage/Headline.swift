import MartletCore
import MartletEventSourcing
import MartletSQL

/// The read model of an order, updated in the transaction of its events.
struct Headline: Sendable, Equatable {
    let orderID: String
    let status: Order.Status
    let customerID: String
    let reference: String
    let currency: String
    let total: Int64
    let captured: Int64
    let refunded: Int64
    let openReturns: Int
    let placed: Timestamp

    /// Keeps the read model in step with the streams.
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
            let reference = placement.reference.isEmpty ? nil : placement.reference
            try tx.run(
                """
                INSERT INTO order_headlines (order_id, status, customer_id, reference, currency, total, captured,
                    refunded, returns, open_returns, placed_at)
                VALUES (\(id), 'pending', \(placement.customerID), \(reference), \(placement.currency),
                    \(placement.totalMinorUnits), 0, 0, 0, 0, \(at.microseconds))
                """
            )
        case .confirmed: try set(.confirmed, id, in: tx)
        case .completed: try set(.completed, id, in: tx)
        case .rejected: try set(.rejected, id, in: tx)
        case .cancelled: try set(.cancelled, id, in: tx)
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
        case .stockReserved, .paymentAuthorised, .cancelRequested, .captureRequested: break
        }
    }

    private static func set(_ status: Order.Status, _ id: String, in tx: borrowing SQLTransaction) throws {
        try tx.run("UPDATE order_headlines SET status = \(status.rawValue) WHERE order_id = \(id)")
    }

    /// Newest first, after the row whose time and id are given.
    static func list(
        customerID: String?,
        status: Order.Status?,
        before: (placed: Int64, orderID: String),
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [Headline] {
        try tx.run(
            """
            SELECT order_id, status, customer_id, reference, currency, total, captured, refunded, open_returns, placed_at
            FROM order_headlines
            WHERE (\(customerID) IS NULL OR customer_id = \(customerID))
                AND (\(status?.rawValue) IS NULL OR status = \(status?.rawValue))
                AND (placed_at, order_id) < (\(before.placed), \(before.orderID))
            ORDER BY placed_at DESC, order_id DESC LIMIT \(limit)
            """
        ).map { row in
            Headline(
                orderID: row.text(0),
                status: Order.Status(rawValue: row.text(1)) ?? .pending,
                customerID: row.text(2),
                reference: row.textIfPresent(3) ?? "",
                currency: row.text(4),
                total: row.int64(5),
                captured: row.int64(6),
                refunded: row.int64(7),
                openReturns: row.int(8),
                placed: Timestamp(microseconds: row.int64(9))
            )
        }
    }

    /// The order that has this merchant's number.
    static func orderID(reference: String, in tx: borrowing SQLTransaction) throws -> String? {
        try tx.run("SELECT order_id FROM order_headlines WHERE reference = \(reference)").first?.text(0)
    }
}
