extension Audit {
    /// Customers can count: what they were told to pay, and what they were promised back, is what they made of it themselves.
    var worthChecks: [Violation] {
        var found: [Violation] = []
        let errands = Dictionary(market.errands.map { ($0.customer, $0) }) { first, _ in first }
        for order in told {
            guard let errand = errands[order.customer] else { continue }
            if order.totalMinorUnits != errand.worth {
                found.append(
                    Violation(.moneyDrifts, "told \(order.totalMinorUnits) for what is \(errand.worth)", order.orderID)
                )
            }
            let units = order.broughtBack.values.reduce(0, +)
            let (promised, due) = (order.returns.values.reduce(0, +), errand.worth(ofFirst: units))
            if promised != due {
                found.append(
                    Violation(.moneyDrifts, "promised \(promised) for \(units) units that were \(due)", order.orderID)
                )
            }
            // Who cancels gets everything back; that is looked at elsewhere.
            if let known = books.orders[order.orderID], !order.cancelAccepted, known.refunded != promised {
                found.append(
                    Violation(.moneyDrifts, "promised \(promised), refunded \(known.refunded)", order.orderID)
                )
            }
        }
        return found
    }
}
