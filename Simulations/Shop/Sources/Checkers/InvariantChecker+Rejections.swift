import MartletCore

extension InvariantChecker {
    /// For how long Orders reserves goods.
    private static let reservationTime = Duration.seconds(24 * 3_600)

    /// Orders that were rejected although goods and money were available.
    ///
    /// Stock may be insufficient only when all customers together ordered more than there was; a cancelled order
    /// reserved its units for a while, so each order counts.
    var rejectionChecks: [Violation] {
        let demand = Dictionary(workload.scripts.flatMap(\.lines).map { ($0.sku, $0.units) }, uniquingKeysWith: +)
        let methods = Dictionary(
            workload.scripts.map { (ExactText($0.customer), $0.paymentMethod) },
            uniquingKeysWith: { first, _ in first }
        )
        var found: [Violation] = []
        for order in acknowledged {
            guard let known = snapshot.orders[order.orderID], known.status == "rejected" else { continue }
            let isJustified =
                switch known.reason {
                case "inventory.insufficient_stock":
                    order.goods.keys.contains { demand[$0, default: 0] > workload.openingStock[$0, default: 0] }
                // Reservations may expire during an outage that is longer than they last.
                case "inventory.reservation_closed": longestOutage > Self.reservationTime
                case "payments.declined": methods[ExactText(order.customer)] != "pm_test_ok"
                default: false
                }
            if !isJustified {
                found.append(Violation(.rejectedWithoutCause, "rejected because of \(known.reason)", of: order.orderID))
            }
        }
        return found
    }
}
