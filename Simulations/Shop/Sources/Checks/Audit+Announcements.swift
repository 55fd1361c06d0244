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
        var found: [Violation] = []
        for event in books.published {
            switch event.topic {
            case OrdersTopics.orders.name:
                guard let change = try? OrderChanged(serializedBytes: event.body) else { continue }
                orders[change.orderID, default: []].append(change.kind)
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
