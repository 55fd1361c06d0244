import MartletCore
import MartletSimulation

extension StateSnapshot {
    /// Adds the whole snapshot to `hash`, so that two runs with different results have different hashes.
    func add(to hash: inout Fingerprint) {
        for (id, order) in orders.sorted(by: { $0.key < $1.key }) {
            hash.add([id, order.status, order.reason, order.reference])
            hash.add([order.captured, order.refunded, order.total, Int64(order.openReturns)])
        }
        for (id, types) in streams.sorted(by: { $0.key < $1.key }) { hash.add([id] + types) }
        for payment in providerPayments {
            hash.add([payment.reference, payment.status])
            hash.add([payment.captured, payment.refunded, Int64(payment.captures)])
        }
        for row in stock {
            hash.add([row.sku])
            hash.add([row.available, row.onHand, row.received, row.sold, row.returned, row.corrected].map(Int64.init))
        }
        for (cart, lines) in carts.sorted(by: { $0.key < $1.key }) {
            for (sku, units) in lines.sorted(by: { $0.key < $1.key }) {
                hash.add([cart.text, sku])
                hash.add([Int64(units)])
            }
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
