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

private final class FaultyMember: GroupMember {
    /// Deliveries that may come again later, at most.
    private static let memoryLimit = 64
    /// How often a delivery comes again on a bad day.
    private static let often = 9

    private struct Memory {
        /// What came, the newest last.
        var past: [Delivery] = []
        var acknowledged: Set<DeliveryID> = []
    }

    private let member: any GroupMember
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let memory = Mutex(Memory())

    init(member: any GroupMember, faults: FaultInjector, entropy: any Entropy) {
        self.member = member
        self.faults = faults
        self.entropy = entropy
    }

    func receive(limit: Int) async throws -> [Delivery] {
        var deliveries = try await member.receive(limit: limit)
        if deliveries.count > 1, faults.happens(.deliveryReordered) {
            for last in deliveries.indices.reversed() {
                deliveries.swapAt(last, Int(entropy.number(below: UInt64(last + 1))))
            }
        }
        let past = memory.withLock { memory in
            // What comes again was acknowledged in vain.
            memory.acknowledged.subtract(deliveries.map(\.id))
            defer { memory.past = (memory.past + deliveries).suffix(Self.memoryLimit) }
            return memory.past
        }
        guard !deliveries.isEmpty, faults.happens(.deliveryRepeated) else { return deliveries }
        switch entropy.number(below: 8) {
        case 0: return deliveries + (0..<Self.often).flatMap { _ in deliveries }
        // Long after others have come, and whatever became of it.
        case 1, 2, 3: return past.filter { _ in entropy.number(below: 4) == 0 } + deliveries
        default: return deliveries + deliveries
        }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        let new = unsettled(deliveries)
        guard !new.isEmpty else { return }
        try await member.acknowledge(new)
        memory.withLock { $0.acknowledged.formUnion(new) }
    }

    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
        let new = unsettled(deliveries)
        guard !new.isEmpty else { return }
        try await member.giveBack(new, after: pause)
    }

    func leave() async { await member.leave() }

    /// The broker hears of each once, however often it was delivered.
    private func unsettled(_ deliveries: [DeliveryID]) -> [DeliveryID] {
        memory.withLock { memory in deliveries.filter { !memory.acknowledged.contains($0) } }
    }
}
