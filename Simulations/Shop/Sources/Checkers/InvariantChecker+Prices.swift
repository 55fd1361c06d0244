import MartletCore

extension InvariantChecker {
    /// Acknowledged totals and refunds are those that the customer's script expects.
    var priceChecks: [Violation] {
        var found: [Violation] = []
        let scripts = Dictionary(workload.scripts.map { (ExactText($0.customer), $0) }) { first, _ in first }
        for order in acknowledged {
            guard let script = scripts[ExactText(order.customer)] else { continue }
            let prices = [false, true].map { script.expectedTotal(raised: $0) }
            if !prices.contains(order.totalMinorUnits) {
                found.append(
                    Violation(
                        .moneyDrifts,
                        "acknowledged \(order.totalMinorUnits), expected \(prices[0]) or \(prices[1])",
                        of: order.orderID
                    )
                )
            }
            if order.totalMinorUnits != order.shownMinorUnits {
                found.append(
                    Violation(
                        .moneyDrifts,
                        "shown \(order.shownMinorUnits), acknowledged \(order.totalMinorUnits)",
                        of: order.orderID
                    )
                )
            }
            // Prices only rise, so that the total shows which ones were charged.
            let isRaised = order.totalMinorUnits != prices[0]
            let units = order.returnedUnits.values.reduce(0, +)
            let (promised, due) = (
                order.promisedRefunds.values.reduce(0, +), script.expectedRefund(ofFirst: units, raised: isRaised)
            )
            if promised != due {
                found.append(
                    Violation(
                        .moneyDrifts,
                        "promised \(promised) for \(units) units, expected \(due)",
                        of: order.orderID
                    )
                )
            }
            // A cancel refunds everything; `orderChecks` checks that.
            if let known = snapshot.orders[order.orderID], !order.cancelAccepted, known.refunded != promised {
                found.append(
                    Violation(.moneyDrifts, "promised \(promised), refunded \(known.refunded)", of: order.orderID)
                )
            }
        }
        return found
    }
}
