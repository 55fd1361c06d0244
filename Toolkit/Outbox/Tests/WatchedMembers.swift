import MartletCore
import MartletMessaging
import MartletTesting
import Synchronization

/// A member that hands out each batch in an order of its own, as a log may do after a redelivery.
final class ShufflingMember: GroupMember {
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
        // Some come twice.
        return deliveries + deliveries.filter { _ in entropy.number(below: 4) == 0 }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
        try await member.giveBack(deliveries, after: pause)
    }

    func leave() async { await member.leave() }
}

/// A member that notes what it is given back.
final class NotingMember: GroupMember {
    private let member: any GroupMember
    private let notes = Mutex<[Int]>([])

    init(_ member: any GroupMember) { self.member = member }

    /// How many deliveries each call gave back.
    var givenBack: [Int] { notes.withLock { $0 } }

    func receive(limit: Int) async throws -> [Delivery] { try await member.receive(limit: limit) }

    func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
        notes.withLock { $0.append(deliveries.count) }
        try await member.giveBack(deliveries, after: pause)
    }

    func leave() async { await member.leave() }
}

/// A bus whose members receive once each and lose their connection then; after some of them it is over.
final class BreakingBus: MessageBus {
    private struct Member: GroupMember {
        let member: any GroupMember
        let hasReceived = Flag()

        func receive(limit: Int) async throws -> [Delivery] {
            guard hasReceived.raise() else { throw Fault(.unavailable, .unavailable, "the connection broke") }
            return try await member.receive(limit: limit)
        }

        func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

        func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
            try await member.giveBack(deliveries, after: pause)
        }

        func leave() async { await member.leave() }
    }

    private final class Flag: Sendable {
        private let isUp = Mutex(false)

        /// False when it is up already.
        func raise() -> Bool {
            isUp.withLock { isUp in
                defer { isUp = true }
                return !isUp
            }
        }
    }

    private let bus: InMemoryBus
    private let joinsLeft: Mutex<Int>

    init(_ bus: InMemoryBus, joins: Int) {
        self.bus = bus
        joinsLeft = Mutex(joins)
    }

    func publish(_ events: [Envelope]) async throws { try await bus.publish(events) }

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
