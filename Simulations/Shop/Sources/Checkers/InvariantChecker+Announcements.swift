import MartletMessaging
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf

extension InvariantChecker {
    /// The published kind of change, by the type of the event in the order's stream.
    private static let announced: [String: OrderChanged.Kind] = [
        "placed": .placed, "confirmed": .confirmed, "completed": .completed, "rejected": .rejected,
        "cancelled": .cancelled, "return_completed": .returned,
    ]

    /// Every change that must be published was published: no group notices the lack of an event that was never written.
    var announcementChecks: [Violation] {
        var orders: [String: [OrderChanged.Kind]] = [:]
        var payments: [String: PaymentChanged] = [:]
        var own: Set<String> = []
        var found: [Violation] = []
        for event in snapshot.published {
            switch event.topic {
            case OrdersTopics.orders.name:
                guard let change = try? OrderChanged(serializedBytes: event.body) else { continue }
                orders[change.orderID, default: []].append(change.kind)
                if !PlantedEvents.has(event.key) { own.insert(change.orderID) }
            case PaymentsTopics.payments.name:
                guard let change = try? PaymentChanged(serializedBytes: event.body) else { continue }
                payments[change.orderID] = change
            default: continue
            }
        }
        for (id, types) in snapshot.streams.sorted(by: { $0.key < $1.key }) {
            let due = types.compactMap { Self.announced[$0] }
            guard let announced = orders[id], announced == due else {
                found.append(Violation(.historyBroken, "published \(orders[id] ?? []) of \(due)", of: id))
                continue
            }
        }
        for id in own.sorted() where snapshot.streams[id] == nil {
            found.append(Violation(.ghost, "an event was published for an order that does not exist", of: id))
        }
        let paid = Set(snapshot.providerPayments.map(\.reference))
        for (id, payment) in payments.sorted(by: { $0.key < $1.key })
        where payment.status == .captured && !paid.contains(id) {
            found.append(Violation(.ghost, "an event was published for a payment unknown to the provider", of: id))
        }
        let captured = Set(snapshot.providerPayments.filter { $0.captures > 0 }.map(\.reference))
        for payment in snapshot.providerPayments {
            // An authorisation that an operator cancelled is replaced by another of the same payment.
            if payment.captures == 0, captured.contains(payment.reference) { continue }
            let last = payments[payment.reference]
            let isAnnounced =
                payment.captures > 0
                ? last?.status == .captured && last?.refunded.minorUnits == payment.refunded
                : last?.status == .voided || last?.status == .declined
            guard !isAnnounced else { continue }
            let announced = last.map { "\($0.status), \($0.refunded.minorUnits) refunded" } ?? "nothing"
            found.append(
                Violation(
                    .historyBroken,
                    "the provider has \(payment.status), \(payment.refunded) refunded; published is \(announced)",
                    of: payment.reference
                )
            )
        }
        return found
    }
}
