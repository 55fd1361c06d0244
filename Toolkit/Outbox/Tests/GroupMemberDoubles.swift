import MartletCore
import MartletMessaging
import MartletTesting
import Synchronization

/// A member that shuffles each batch, as a log may do after a redelivery.
final class ShufflingMember: GroupMember {
    var isWhole: Bool { member.isWhole }
    var losses: [GroupLoss] { member.losses }
    private let member: any GroupMember
    private let entropy: SeededEntropy

    init(_ member: any GroupMember, seed: UInt64) {
        self.member = member
        entropy = SeededEntropy(seed: seed)
    }

    func receive(limit: Int) async throws -> [Delivery] {
        var deliveries = try await member.receive(limit: limit)
        for index in deliveries.indices.reversed() {
            deliveries.swapAt(index, Int(entropy.number(below: UInt64(index + 1))))
        }
        // Some are delivered twice.
        return deliveries + deliveries.filter { _ in entropy.number(below: 4) == 0 }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        try await member.redeliver(deliveries, after: delay)
    }

    func acknowledge(losses: [GroupLoss]) async throws { try await member.acknowledge(losses: losses) }

    func leave() async { await member.leave() }
}

/// A member that records redeliveries.
final class RecordingMember: GroupMember {
    var isWhole: Bool { member.isWhole }
    var losses: [GroupLoss] { member.losses }
    private let member: any GroupMember
    private let counts = Mutex<[Int]>([])

    init(_ member: any GroupMember) { self.member = member }

    /// The number of deliveries of each redeliver call.
    var redelivered: [Int] { counts.withLock { $0 } }

    func receive(limit: Int) async throws -> [Delivery] { try await member.receive(limit: limit) }

    func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        counts.withLock { $0.append(deliveries.count) }
        try await member.redeliver(deliveries, after: delay)
    }

    func acknowledge(losses: [GroupLoss]) async throws { try await member.acknowledge(losses: losses) }

    func leave() async { await member.leave() }
}

/// A bus whose members lose their connection after one receive; joining is cancelled after the given number of joins.
final class DisconnectingBus: MessageBus {
    private struct Member: GroupMember {
        var isWhole: Bool { member.isWhole }
        var losses: [GroupLoss] { member.losses }
        let member: any GroupMember
        let hasReceived = Flag()

        func receive(limit: Int) async throws -> [Delivery] {
            guard hasReceived.raise() else { throw Fault(.unavailable, .unavailable, "the connection broke") }
            return try await member.receive(limit: limit)
        }

        func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

        func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
            try await member.redeliver(deliveries, after: delay)
        }

        func acknowledge(losses: [GroupLoss]) async throws { try await member.acknowledge(losses: losses) }

        func leave() async { await member.leave() }
    }

    private final class Flag: Sendable {
        private let isRaised = Mutex(false)

        /// False when it was raised before.
        func raise() -> Bool {
            isRaised.withLock { isRaised in
                defer { isRaised = true }
                return !isRaised
            }
        }
    }

    private let bus: InMemoryBus
    private let joinsLeft: Mutex<Int>

    init(_ bus: InMemoryBus, joins: Int) {
        self.bus = bus
        joinsLeft = Mutex(joins)
    }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] { try await bus.publish(events) }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        let left = joinsLeft.withLock { left in
            left -= 1
            return left
        }
        guard left >= 0 else { throw CancellationError() }
        return Member(member: try await bus.join(topic: topic, group: group, start: start))
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}
