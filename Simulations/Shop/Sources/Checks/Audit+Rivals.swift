extension Audit {
    /// What was asked for at the same time, by cancels and returns of one order: who was refused had a rival that was not.
    var rivalChecks: [Violation] {
        let errands = Dictionary(market.errands.map { ($0.customer, $0) }) { first, _ in first }
        var found: [Violation] = []
        for order in told {
            guard let known = books.orders[order.orderID], let wish = errands[order.customer]?.wishes.first
            else { continue }
            let taken = order.broughtBack.values.reduce(0, +)
            if order.cancelAccepted, order.cancelRefused {
                found.append(Violation(.effectTwice, "one cancel was accepted and one refused", order.orderID))
            }
            if order.cancelAccepted, known.status == "completed", taken > 0 {
                found.append(Violation(.effectTwice, "cancelled, and \(taken) units came back", order.orderID))
            }
            if taken > wish.units {
                found.append(Violation(.effectTwice, "\(taken) of \(wish.units) units came back", order.orderID))
            }
            if order.cancelRefused, !order.cancelAccepted, known.status != "rejected", taken == 0 {
                found.append(
                    Violation(.rejectedWithoutCause, "the cancel of a \(known.status) order was refused", order.orderID)
                )
            }
            for (id, units) in order.returnsRefused.sorted(by: { $0.key < $1.key })
            where !order.cancelAccepted && taken + units <= wish.units {
                found.append(
                    Violation(
                        .rejectedWithoutCause,
                        "\(id) of \(units) was refused, and \(taken) of \(wish.units) came back",
                        order.orderID
                    )
                )
            }
        }
        return found
    }
}
