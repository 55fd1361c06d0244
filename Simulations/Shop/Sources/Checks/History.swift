/// What can be told about one aggregate: what its client heard, what stands in the books, and which events it sent.
struct History: Sendable {
    let told: [Witness.Told]
    let books: Books

    /// As few lines as tell the story of `id`; empty when nothing is known of it.
    func lines(of id: String) -> [String] {
        guard !id.isEmpty else { return [] }
        var lines: [String] = []
        if let order = told.first(where: { $0.orderID == id }) {
            lines.append("told: \(order.customer) ordered for \(order.totalMinorUnits)")
            if order.cancelAccepted { lines.append("told: the cancellation was accepted") }
            if order.cancelRefused { lines.append("told: a cancellation was refused") }
            for (name, refund) in order.returns.sorted(by: { $0.key < $1.key }) {
                lines.append("told: \(name) of \(order.broughtBack[name] ?? 0) units refunds \(refund)")
            }
            for (name, units) in order.returnsRefused.sorted(by: { $0.key < $1.key }) {
                lines.append("told: \(name) of \(units) units was refused")
            }
        }
        if let types = books.streams[id] { lines.append("stream: \(types.joined(separator: ", "))") }
        if let order = books.orders[id] {
            lines.append(
                "read model: \(order.status), total \(order.total), captured \(order.captured), refunded \(order.refunded)"
            )
        }
        for wallet in books.wallets where wallet.reference == id {
            lines.append(
                "provider: \(wallet.status), \(wallet.captures) captures of \(wallet.captured), refunded \(wallet.refunded)"
            )
        }
        for reservation in books.reservations where reservation.id == id {
            lines.append("reservation: \(reservation.status)")
        }
        for run in books.runs where run.id.contains(id) {
            lines.append("run \(run.id): \(run.state) \(run.error)")
        }
        for (name, entries) in [("committed", books.published), ("took effect", books.audited)] {
            let own = entries.filter { $0.key == id }
            let topics = Dictionary(grouping: own, by: \.topic).sorted { $0.key < $1.key }
            for (topic, entries) in topics {
                lines.append("\(name): \(topic) \(entries.map { "\($0.sequence)" }.joined(separator: " "))")
            }
        }
        return lines
    }
}
