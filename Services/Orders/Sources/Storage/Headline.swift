import MartletCore
import MartletSQL

/// The read model of an order, updated in the transaction of its events.
struct Headline: Sendable, Equatable {
    let orderID: String
    let status: Order.Status
    let customerID: String
    let reference: String
    let currency: String
    let total: Int64
    let placed: Timestamp

    static func save(_ order: Order, in tx: borrowing SQLTransaction) throws {
        let placement = order.placement
        let reference = placement.reference.isEmpty ? nil : placement.reference
        try tx.run(
            """
            INSERT INTO order_headlines (order_id, status, customer_id, reference, currency, total, captured, refunded,
                returns, open_returns, placed_at)
            VALUES (\(order.id), \(order.status.rawValue), \(placement.customerID), \(reference), \(placement.currency),
                \(placement.totalMinorUnits), \(order.capturedMinorUnits), \(order.refundedMinorUnits),
                \(order.returns.count), \(order.returns.count - order.completedReturns.count), \(tx.date.microseconds))
            ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, captured = excluded.captured,
                refunded = excluded.refunded, returns = excluded.returns, open_returns = excluded.open_returns
            """)
    }

    /// Newest first, after the row whose time and id are given.
    static func list(
        customerID: String?, status: Order.Status?, before: (placed: Int64, orderID: String), limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [Headline] {
        try tx.run(
            """
            SELECT order_id, status, customer_id, reference, currency, total, placed_at FROM order_headlines
            WHERE (\(customerID) IS NULL OR customer_id = \(customerID))
                AND (\(status?.rawValue) IS NULL OR status = \(status?.rawValue))
                AND (placed_at, order_id) < (\(before.placed), \(before.orderID))
            ORDER BY placed_at DESC, order_id DESC LIMIT \(limit)
            """
        ).map { row in
            Headline(
                orderID: row.text(0), status: Order.Status(rawValue: row.text(1)) ?? .pending, customerID: row.text(2),
                reference: row.textIfPresent(3) ?? "", currency: row.text(4), total: row.int64(5),
                placed: Timestamp(microseconds: row.int64(6)))
        }
    }

    /// The order that has this merchant's number.
    static func orderID(reference: String, in tx: borrowing SQLTransaction) throws -> String? {
        try tx.run("SELECT order_id FROM order_headlines WHERE reference = \(reference)").first?.text(0)
    }
}
