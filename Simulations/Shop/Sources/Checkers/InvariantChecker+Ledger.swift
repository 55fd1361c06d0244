extension InvariantChecker {
    /// The shop's ledger agrees with the provider's, payment by payment.
    var ledgerChecks: [Violation] {
        var booked: [String: [String: (debit: Int64, credit: Int64)]] = [:]
        var found: [Violation] = []
        for line in snapshot.ledger {
            // `capture/PAYMENT` and `refund/PAYMENT/REFUND`.
            let parts = line.journal.split(separator: "/")
            guard parts.count >= 2, let order = snapshot.payments[String(parts[1])] else { continue }
            booked[order, default: [:]][line.account, default: (0, 0)].debit += line.debit
            booked[order, default: [:]][line.account, default: (0, 0)].credit += line.credit
        }
        let perOrder = Dictionary(grouping: snapshot.providerPayments, by: \.reference)
        for order in Set(perOrder.keys).union(booked.keys).sorted() {
            let payments = perOrder[order] ?? []
            let captured = payments.reduce(0) { $0 + $1.captured }
            let refunded = payments.reduce(0) { $0 + $1.refunded }
            let ours = booked[order] ?? [:]
            let clearing = ours["provider_clearing"] ?? (0, 0)
            let isSame =
                clearing == (captured, refunded) && ours["sales"]?.credit ?? 0 == captured
                && ours["refunds"]?.debit ?? 0 == refunded
            guard !isSame else { continue }
            found.append(
                Violation(
                    .moneyDrifts,
                    "the provider captured \(captured) and refunded \(refunded), the ledger has \(clearing.debit) and "
                        + "\(clearing.credit)",
                    of: order
                )
            )
        }
        return found
    }
}
