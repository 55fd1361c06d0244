import MartletCore
import MartletSQL

// Queries of the read model.

extension OrderSummary {
    /// The totals of the orders with one status and currency.
    struct Sum: Sendable {
        let status: Order.Status
        let currency: String
        let orders: Int
        let total: Int64
        let captured: Int64
        let refunded: Int64
        let returns: Int
        let openReturns: Int
    }

    /// By status and currency.
    static func sums(in tx: borrowing SQLTransaction) throws -> [Sum] {
        try tx.run(
            """
            SELECT status, currency, COUNT(*), SUM(total), SUM(captured), SUM(refunded), SUM(returns),
                SUM(open_returns) FROM order_headlines GROUP BY status, currency ORDER BY status, currency
            """
        ).map { row in
            try Sum(
                status: try row.decode(0, as: Order.Status.self),
                currency: row.text(1),
                orders: row.int(2),
                total: row.int64(3),
                captured: row.int64(4),
                refunded: row.int64(5),
                returns: row.int(6),
                openReturns: row.int(7)
            )
        }
    }

    /// The number of rejected orders by reason; reasons are defined in code, so there are few.
    static func rejections(in tx: borrowing SQLTransaction) throws -> [(reason: String, orders: Int)] {
        try tx.run(
            """
            SELECT reason, COUNT(*) FROM order_headlines WHERE status = 'rejected' GROUP BY reason ORDER BY reason
            """
        ).map { try ($0.text(0), $0.int(1)) }
    }

    /// Newest first, after the row whose time and id are given; of one customer, or of all when it is `nil`.
    static func list(
        customerID: ExactText?,
        status: Order.Status?,
        before: (placed: Int64, orderID: String),
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [OrderSummary] {
        let status = status?.rawValue
        let oldest = try CustomerTexts.oldest(in: tx)
        // Two statements, so that each can use an index.
        let query: SQLQuery =
            if let customerID {
                """
                SELECT order_id, status, customer_id, reference, currency, total, captured, refunded, open_returns,
                    placed_at, COALESCE((SELECT text FROM customer_texts
                        WHERE id = reason_text_id AND written_at >= \(oldest)), reason) FROM order_headlines
                WHERE customer_id = \(customerID) AND (\(status) IS NULL OR status = \(status))
                    AND (placed_at, order_id) < (\(before.placed), \(before.orderID))
                ORDER BY placed_at DESC, order_id DESC LIMIT \(limit)
                """
            } else {
                """
                SELECT order_id, status, customer_id, reference, currency, total, captured, refunded, open_returns,
                    placed_at, COALESCE((SELECT text FROM customer_texts
                        WHERE id = reason_text_id AND written_at >= \(oldest)), reason) FROM order_headlines
                WHERE (\(status) IS NULL OR status = \(status))
                    AND (placed_at, order_id) < (\(before.placed), \(before.orderID))
                ORDER BY placed_at DESC, order_id DESC LIMIT \(limit)
                """
            }
        return try tx.run(query).map { row in
            let reason = try row.text(10)
            return try OrderSummary(
                orderID: row.text(0),
                status: try row.decode(1, as: Order.Status.self),
                customerID: ExactText(row.text(2)),
                reference: row.textIfPresent(3),
                currency: row.text(4),
                total: row.int64(5),
                captured: row.int64(6),
                refunded: row.int64(7),
                openReturns: row.int(8),
                placed: Timestamp(microseconds: row.int64(9)),
                reason: reason.isEmpty ? nil : reason
            )
        }
    }

    /// True when another order, neither rejected nor cancelled, takes units that are in the cart.
    ///
    /// - Parameter name: Of the cart among all, as in ``Placement/cart``.
    static func isTaken(_ cart: OrderedCart, named name: String?, in tx: borrowing SQLTransaction) throws -> Bool {
        if let revision = cart.revision {
            let same = try tx.run("SELECT 1 FROM order_headlines WHERE cart_revision = \(revision) LIMIT 1")
            guard same.isEmpty else { return true }
        }
        // An order takes the units of its version and before: they have left the cart, unless its oldest are not newer.
        guard let name, let oldest = cart.oldestVersion else { return false }
        let others = try tx.run(
            "SELECT 1 FROM order_headlines WHERE cart = \(name) AND cart_version >= \(oldest) LIMIT 1"
        )
        return !others.isEmpty
    }

    /// The id of the order with this merchant's reference.
    static func orderID(reference: String, in tx: borrowing SQLTransaction) throws -> String? {
        try tx.run("SELECT order_id FROM order_headlines WHERE reference = \(reference)").first?.text(0)
    }
}
