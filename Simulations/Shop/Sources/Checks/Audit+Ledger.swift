extension Audit {
    /// What we booked is what the provider did, payment by payment.
    var ledgerChecks: [Violation] {
        var booked: [String: [String: (debit: Int64, credit: Int64)]] = [:]
        var balance: [String: Int64] = [:]
        var found: [Violation] = []
        for line in books.ledger {
            balance[line.journal + " " + line.currency, default: 0] += line.debit - line.credit
            // `capture/PAYMENT` and `refund/PAYMENT/REFUND`.
            let words = line.journal.split(separator: "/")
            guard words.count >= 2, let order = books.payments[String(words[1])] else {
                found.append(Violation(.ghost, "a journal of no payment: \(line.journal)"))
                continue
            }
            booked[order, default: [:]][line.account, default: (0, 0)].debit += line.debit
            booked[order, default: [:]][line.account, default: (0, 0)].credit += line.credit
        }
        for (journal, difference) in balance.sorted(by: { $0.key < $1.key }) where difference != 0 {
            found.append(Violation(.moneyDrifts, "\(journal): debits and credits differ by \(difference)"))
        }
        let perOrder = Dictionary(grouping: books.wallets, by: \.reference)
        for order in Set(perOrder.keys).union(booked.keys).sorted() {
            let wallets = perOrder[order] ?? []
            let (captured, refunded) = (wallets.reduce(0) { $0 + $1.captured }, wallets.reduce(0) { $0 + $1.refunded })
            let ours = booked[order] ?? [:]
            let clearing = ours["provider_clearing"] ?? (0, 0)
            let isSame =
                clearing == (captured, refunded) && ours["sales"]?.credit ?? 0 == captured
                && ours["refunds"]?.debit ?? 0 == refunded
            guard !isSame else { continue }
            found.append(
                Violation(
                    .moneyDrifts,
                    "the provider took \(captured) and gave \(refunded) back, we booked \(clearing.debit) and "
                        + "\(clearing.credit)",
                    order
                )
            )
        }
        return found
    }
}
