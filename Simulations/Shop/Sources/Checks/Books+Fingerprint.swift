import MartletSimulation

extension Books {
    /// Adds all that stands in the books to `hash`, so that two runs which only seem alike are told apart.
    func add(to hash: inout Fingerprint) {
        for (id, order) in orders.sorted(by: { $0.key < $1.key }) {
            hash.add([id, order.status, order.reason, order.reference])
            hash.add([order.captured, order.refunded, order.total, Int64(order.openReturns)])
        }
        for (id, types) in streams.sorted(by: { $0.key < $1.key }) { hash.add([id] + types) }
        for wallet in wallets {
            hash.add([wallet.reference, wallet.status])
            hash.add([wallet.captured, wallet.refunded, Int64(wallet.captures)])
        }
        for row in stock {
            hash.add([row.sku])
            hash.add([row.available, row.onHand, row.received, row.sold, row.returned, row.corrected].map(Int64.init))
        }
        for reservation in reservations { hash.add([reservation.id, reservation.status]) }
        for line in ledger {
            hash.add([line.journal, line.account, line.currency])
            hash.add([line.debit, line.credit])
        }
        for (payment, order) in payments.sorted(by: { $0.key < $1.key }) { hash.add([payment, order]) }
        for entry in published + audited {
            hash.add([entry.topic, entry.key, entry.source])
            hash.add([Int64(entry.epoch), entry.sequence])
            hash.add(entry.body)
        }
        for run in runs { hash.add([run.service, run.id, run.state, run.error]) }
        hash.add([unsent, parked, published.count].map(Int64.init))
    }
}

extension Fingerprint {
    fileprivate mutating func add(_ texts: [String]) { for text in texts { add(text) } }

    fileprivate mutating func add(_ numbers: [Int64]) { for number in numbers { add(UInt64(bitPattern: number)) } }
}
