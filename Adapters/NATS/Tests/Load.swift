import MartletCore
import MartletMessaging
import MartletTesting
import Synchronization

@testable import MartletNATS

/// Publishes and consumes as an outbox and an inbox do: repeats what failed, and takes each key in order.
final class Load: Sendable {
    private let bus: NATSBus
    private let topic: String
    private let events: Int
    private static let keys = ["a", "b", "c", "d"]
    /// The last number of each key that took effect.
    private let effects = Mutex<[ExactText: Int64]>([:])

    /// - Parameter events: How many, over four keys.
    init(_ bus: NATSBus, on topic: String = "load", events: Int) {
        self.bus = bus
        self.topic = topic
        self.events = events
    }

    var expected: [ExactText: Int64] {
        Dictionary(uniqueKeysWithValues: Self.keys.map { (ExactText($0), Int64(events / Self.keys.count)) })
    }

    /// By key; those of others are left out.
    var received: [ExactText: Int64] { effects.withLock { $0.filter { expected[$0.key] != nil } } }

    private var count: Int { Int(effects.withLock { $0.values.reduce(0, +) }) }

    /// Returns when so many events took effect.
    func wait(until count: Int) async throws {
        let time = SystemTime()
        let limit = time.now + HangLimit.wait
        while self.count < count {
            guard time.now < limit else { throw ServerFailure("\(self.count) of \(count) events took effect") }
            try await time.sleep(for: .milliseconds(5))
        }
    }

    func publish() async throws {
        for number in 1...events / Self.keys.count {
            let batch = Self.keys.map { numbered(Int64(number), of: $0, on: topic) }
            try await repeating {
                let outcomes = try await bus.publish(batch)
                // A cluster that has just started may not know its streams yet.
                guard outcomes.allSatisfy(\.isAccepted) else { throw Fault(.unavailable, .unavailable, "\(outcomes)") }
            }
        }
    }

    /// Consumes until every event took effect.
    func consume() async throws {
        while count < events {
            try await repeating {
                let member = try await bus.join(topic: topic, group: "test", start: .earliest)
                do {
                    while count < events { try await step(member) }
                    await member.leave()
                } catch {
                    await member.leave()
                    try Task.checkCancellation()
                    throw error
                }
            }
        }
    }

    private func step(_ member: any GroupMember) async throws {
        var done: [DeliveryID] = []
        var early: [DeliveryID] = []
        for delivery in try await member.receive(limit: 32) {
            let key = ExactText(delivery.event.key)
            let isNext = effects.withLock { effects in
                let last = effects[key] ?? 0
                if delivery.event.sequence == last + 1 { effects[key] = last + 1 }
                return delivery.event.sequence <= last + 1
            }
            if isNext { done.append(delivery.id) } else { early.append(delivery.id) }
        }
        try await member.acknowledge(done)
        if !early.isEmpty { try await member.redeliver(early, after: .milliseconds(20)) }
    }
}
