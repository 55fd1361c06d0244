import MartletCore
import MartletMessaging
import MartletSimulation
import Synchronization

/// A bus that keeps what brokers promise and no more: it repeats deliveries, and lets later ones overtake.
struct FaultyBus: MessageBus {
    let bus: any MessageBus
    let faults: FaultInjector
    let entropy: any Entropy

    func publish(_ events: [Envelope]) async throws { try await bus.publish(events) }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        FaultyMember(
            member: try await bus.join(topic: topic, group: group, start: start),
            faults: faults,
            entropy: entropy
        )
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}

private struct FaultyMember: GroupMember {
    let member: any GroupMember
    let faults: FaultInjector
    let entropy: any Entropy

    func receive(limit: Int) async throws -> [Delivery] {
        var deliveries = try await member.receive(limit: limit)
        if deliveries.count > 1, faults.happens(.deliveryReordered) {
            for last in deliveries.indices.reversed() {
                deliveries.swapAt(last, Int(entropy.number(below: UInt64(last + 1))))
            }
        }
        guard faults.happens(.deliveryRepeated) else { return deliveries }
        return deliveries + deliveries
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
        try await member.giveBack(deliveries, after: pause)
    }

    func leave() async { await member.leave() }
}
