import MartletCore

extension InvariantChecker {
    /// Concurrent cancels and returns of one order: a refused one conflicts with an accepted one.
    var concurrencyChecks: [Violation] {
        let scripts = Dictionary(workload.scripts.map { (ExactText($0.customer), $0) }) { first, _ in first }
        var found: [Violation] = []
        for order in acknowledged {
            guard let known = snapshot.orders[order.orderID], let line = scripts[ExactText(order.customer)]?.lines.first
            else { continue }
            let returnedTotal = order.returnedUnits.values.reduce(0, +)
            if order.cancelAccepted, order.cancelRefused {
                found.append(Violation(.effectTwice, "one cancel was accepted and one refused", of: order.orderID))
            }
            if order.cancelAccepted, known.status == "completed", returnedTotal > 0 {
                found.append(
                    Violation(.effectTwice, "cancelled, and \(returnedTotal) units returned", of: order.orderID)
                )
            }
            if returnedTotal > line.units {
                found.append(
                    Violation(.effectTwice, "\(returnedTotal) of \(line.units) units returned", of: order.orderID)
                )
            }
            if order.cancelRefused, !order.cancelAccepted, known.status != "rejected", returnedTotal == 0 {
                found.append(
                    Violation(
                        .rejectedWithoutCause,
                        "the cancel of a \(known.status) order was refused",
                        of: order.orderID
                    )
                )
            }
            for (id, units) in order.refusedReturns.sorted(by: { $0.key < $1.key })
            where !order.cancelAccepted && returnedTotal + units <= line.units {
                found.append(
                    Violation(
                        .rejectedWithoutCause,
                        "\(id) of \(units) was refused, and \(returnedTotal) of \(line.units) returned",
                        of: order.orderID
                    )
                )
            }
        }
        return found
    }
}
