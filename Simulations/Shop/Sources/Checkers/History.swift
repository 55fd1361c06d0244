/// The history of one aggregate: what its client observed, what is stored, and which events it published.
struct History: Sendable {
    let acknowledged: [ClientObservations.AcknowledgedOrder]
    let snapshot: StateSnapshot

    /// The history of `id` in few lines; empty when nothing is known about it.
    func lines(of id: String) -> [String] {
        guard !id.isEmpty else { return [] }
        var lines: [String] = []
        if let order = acknowledged.first(where: { $0.orderID == id }) {
            lines.append("client: \(order.customer) ordered for \(order.totalMinorUnits)")
            if order.cancelAccepted { lines.append("client: the cancellation was accepted") }
            if order.cancelRefused { lines.append("client: a cancellation was refused") }
            for (name, refund) in order.promisedRefunds.sorted(by: { $0.key < $1.key }) {
                lines.append("client: \(name) of \(order.returnedUnits[name] ?? 0) units refunds \(refund)")
            }
            for (name, units) in order.refusedReturns.sorted(by: { $0.key < $1.key }) {
                lines.append("client: \(name) of \(units) units was refused")
            }
        }
        if let types = snapshot.streams[id] { lines.append("stream: \(types.joined(separator: ", "))") }
        if let order = snapshot.orders[id] {
            lines.append(
                "read model: \(order.status), total \(order.total), captured \(order.captured), "
                    + "refunded \(order.refunded)"
            )
        }
        for payment in snapshot.providerPayments where payment.reference == id {
            lines.append(
                "provider: \(payment.status), \(payment.captures) captures of \(payment.captured), "
                    + "refunded \(payment.refunded)"
            )
        }
        for reservation in snapshot.reservations where reservation.id == id {
            lines.append("reservation: \(reservation.status)")
        }
        for run in snapshot.runs where run.id.contains(id) {
            lines.append("run \(run.id): \(run.state) \(run.error)")
        }
        for (name, entries) in [("committed", snapshot.published), ("took effect", snapshot.audited)] {
            let own = entries.filter { $0.key == id }
            let topics = Dictionary(grouping: own, by: \.topic).sorted { $0.key < $1.key }
            for (topic, entries) in topics {
                lines.append("\(name): \(topic) \(entries.map { "\($0.sequence)" }.joined(separator: " "))")
            }
        }
        return lines
    }
}
