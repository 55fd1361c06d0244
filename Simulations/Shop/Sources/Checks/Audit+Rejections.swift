extension Audit {
    /// For how long Orders asks to hold goods.
    private static let hold = Duration.seconds(24 * 3_600)

    /// Orders that were turned away although goods and money were there.
    ///
    /// Stock may be short only of what all customers together wanted more of than there was; a cancelled order held its units for a
    /// while, so each order counts.
    var rejectionChecks: [Violation] {
        let wanted = Dictionary(market.errands.flatMap(\.wishes).map { ($0.sku, $0.units) }, uniquingKeysWith: +)
        let methods = Dictionary(
            market.errands.map { ($0.customer, $0.paymentMethod) },
            uniquingKeysWith: { first, _ in first }
        )
        var found: [Violation] = []
        for order in told {
            guard let known = books.orders[order.orderID], known.status == "rejected" else { continue }
            let isJust =
                switch known.reason {
                case "inventory.insufficient_stock":
                    order.goods.keys.contains { wanted[$0, default: 0] > market.opening[$0, default: 0] }
                // Who was away for longer than goods are held may have lost them.
                case "inventory.reservation_closed": absence > Self.hold
                case "payments.declined": methods[order.customer] != "pm_test_ok"
                default: false
                }
            if !isJust {
                found.append(Violation(.rejectedWithoutCause, "rejected because of \(known.reason)", order.orderID))
            }
        }
        return found
    }
}
