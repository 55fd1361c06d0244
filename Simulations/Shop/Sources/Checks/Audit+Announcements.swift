import MartletMessaging
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf

extension Audit {
    /// What others have to hear of an order, by the type of the event in its stream.
    private static let announced: [String: OrderChanged.Kind] = [
        "placed": .placed, "confirmed": .confirmed, "completed": .completed, "rejected": .rejected,
        "cancelled": .cancelled, "return_completed": .returned,
    ]

    /// Whatever others have to know was told: an event that nobody ever wrote is missed by no group.
    var announcementChecks: [Violation] {
        var orders: [String: [OrderChanged.Kind]] = [:]
        var payments: [String: PaymentChanged] = [:]
        var own: Set<String> = []
        var found: [Violation] = []
        for event in books.published {
            switch event.topic {
            case OrdersTopics.orders.name:
                guard let change = try? OrderChanged(serializedBytes: event.body) else { continue }
                orders[change.orderID, default: []].append(change.kind)
                // A foreign system may tell of what it likes.
                if event.source == "orders" { own.insert(change.orderID) }
            case PaymentsTopics.payments.name:
                guard let change = try? PaymentChanged(serializedBytes: event.body) else { continue }
                payments[change.orderID] = change
            default: continue
            }
        }
        for (id, types) in books.streams.sorted(by: { $0.key < $1.key }) {
            let due = types.compactMap { Self.announced[$0] }
            guard let told = orders[id], told == due else {
                found.append(Violation(.historyBroken, "told \(orders[id] ?? []) of \(due)", id))
                continue
            }
        }
        for id in own.sorted() where books.streams[id] == nil {
            found.append(Violation(.ghost, "others were told of an order that does not exist", id))
        }
        let paid = Set(books.wallets.map(\.reference))
        for (id, payment) in payments.sorted(by: { $0.key < $1.key })
        where payment.status == .captured && !paid.contains(id) {
            found.append(Violation(.ghost, "others were told of a payment that the provider does not know", id))
        }
        for wallet in books.wallets {
            let last = payments[wallet.reference]
            let isTold =
                wallet.captures > 0
                ? last?.status == .captured && last?.refunded.minorUnits == wallet.refunded
                : last?.status == .voided || last?.status == .declined
            guard !isTold else { continue }
            let told = last.map { "\($0.status), \($0.refunded.minorUnits) refunded" } ?? "nothing"
            found.append(
                Violation(
                    .historyBroken,
                    "the provider says \(wallet.status), \(wallet.refunded) refunded, and others were told \(told)",
                    wallet.reference
                )
            )
        }
        return found
    }
}
