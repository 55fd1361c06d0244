import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

/// A bus that stores what it is given; then something may happen, or its answer be lost.
private final class WatchedBus: MessageBus {
    private let bus: InMemoryBus
    private let count = Mutex(0)
    private let published: @Sendable (Int) async throws -> Void

    /// - Parameter published: Told after each publication how many there have been.
    init(_ bus: InMemoryBus, published: @escaping @Sendable (Int) async throws -> Void) {
        self.bus = bus
        self.published = published
    }

    var publications: Int { count.withLock { $0 } }

    func publish(_ events: [Envelope]) async throws {
        try await bus.publish(events)
        let number = count.withLock { count in
            count += 1
            return count
        }
        try await published(number)
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }

    static let answerLost = Fault(.unavailable, .unavailable, "the answer was lost")
}

@Suite("A relay")
struct OutboxRelayTests {
    let pair: Pair

    init() async throws { pair = try await Pair() }

    private func unsent() async throws -> Int {
        try await pair.source.read { tx in try Outbox.unsent(limit: 1_000, in: tx).count }
    }

    private func delivered(_ count: Int) async throws -> [Envelope] {
        let member = try await pair.bus.join(topic: "things", group: "g", start: .earliest)
        var events: [Envelope] = []
        while events.count < count { events += try await member.receive(limit: 1_000).map(\.event) }
        return events
    }

    @Test("sends every event once when nothing fails, each key in order")
    func sends() async throws {
        try await pair.commit((1...50).map { "k\($0 % 5)" })
        try await pair.relay { $0.batch = 7 }.drain()
        #expect(try await unsent() == 0)
        let events = try await delivered(50)
        #expect(Set(events.map(\.id)).count == 50)
        for key in 0..<5 { #expect(events.filter { $0.key == "k\(key)" }.map(\.sequence) == Array(1...10)) }
    }

    @Test("sends again what it has not marked, which consumers drop")
    func unmarked() async throws {
        try await pair.commit(["a", "b", "a"])
        let forgetful = WatchedBus(pair.bus) { number in if number == 1 { throw WatchedBus.answerLost } }
        await #expect(throws: Fault.self) { try await pair.relay(to: forgetful).drain() }
        #expect(try await unsent() == 3)
        try await pair.relay(to: forgetful).drain()
        #expect(try await unsent() == 0)

        let events = try await delivered(6)
        let effect = Effect()
        for event in events { try await effect.subscription().deliver(event, on: pair.target) }
        #expect(try await pair.effects(of: "a") == [1, 2])
        #expect(try await pair.effects(of: "b") == [1])
    }

    @Test("does not mark what it sent under a lease that it has lost")
    func fencing() async throws {
        try await pair.commit(["k"])
        let lost = try await pair.source.transaction { tx in
            let leases = try OutboxStore.lease(for: "first", lasting: .seconds(30), in: tx)
            let rows = try OutboxStore.waiting(leases, source: "test", limit: 10, in: tx)
            return (leases: leases, rows: rows)
        }
        #expect(lost.rows.count == 1)
        pair.time.advance(by: .seconds(31))
        let taken = try await pair.source.transaction { tx in
            let taken = try OutboxStore.lease(for: "second", lasting: .seconds(30), in: tx)
            let held = try OutboxStore.mark(lost.rows, sentUnder: lost.leases, by: "first", in: tx)
            return (leases: taken, stillHeld: held)
        }
        #expect(taken.leases.count == Outbox.partitions)
        #expect(taken.stillHeld.isEmpty)
        #expect(taken.leases.allSatisfy { $0.epoch == 2 })
        #expect(try await unsent() == 1)
    }

    @Test("takes its leases anew when they ended while it published, and sends again what it could not mark")
    func ended() async throws {
        try await pair.commit(["a"])
        let time = pair.time
        let bus = WatchedBus(pair.bus) { number in
            // As when a laptop slept; the rest is for a relay that never stops.
            if number == 1 { time.jumpDate(by: .seconds(60)) }
            if number > 5 { throw WatchedBus.answerLost }
        }
        try await pair.relay(to: bus).drain()
        #expect(bus.publications == 2)
        #expect(try await unsent() == 0)
    }

    @Test("publishes nothing more of what another one took while it published")
    func overtaken() async throws {
        try await pair.commit(["a", "b", "a"])
        let (time, source) = (pair.time, pair.source)
        let bus = WatchedBus(pair.bus) { number in
            guard number == 1 else { throw WatchedBus.answerLost }
            time.jumpDate(by: .seconds(60))
            try await source.transaction { tx in
                _ = try OutboxStore.lease(for: "other", lasting: .seconds(30), in: tx)
            }
        }
        try await pair.relay(to: bus) { $0.batch = 1 }.drain()
        #expect(bus.publications == 1)
        #expect(try await unsent() == 3)
    }

    @Test("marks what it sent and nothing else, also where a topic with a slash looks like another's key")
    func collision() async throws {
        let events = [("a", "1/k"), ("a/1", "k"), ("a/1", "k"), ("a/1", "k")]
        let marked = try await pair.source.transaction { tx in
            // As an older release may have left them: today such a topic is refused.
            for (number, (topic, key)) in events.enumerated() {
                try tx.run(
                    """
                    INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body)
                    VALUES (\(topic), \(key), 1, \(max(number, 1)), 0, \(number), \([UInt8]()))
                    """
                )
            }
            let leases = try OutboxStore.lease(for: "first", lasting: .seconds(30), in: tx)
            let rows = try OutboxStore.waiting(leases, source: "test", limit: 3, in: tx)
            _ = try OutboxStore.mark(rows, sentUnder: leases, by: "first", in: tx)
            return rows.map(\.event.sequence)
        }
        #expect(marked == [1, 1, 2])
        let rest = try await pair.source.read { tx in
            try tx.run("SELECT topic, sequence FROM outbox WHERE sent_at IS NULL").map { "\($0.text(0)) \($0.int(1))" }
        }
        #expect(rest == ["a/1 3"])
    }

    @Test("leaves alone what another one has leased")
    func leased() async throws {
        try await pair.source.transaction { tx in
            _ = try OutboxStore.lease(for: "first", lasting: .seconds(30), in: tx)
        }
        let second = try await pair.source.transaction { tx in
            try OutboxStore.lease(for: "second", lasting: .seconds(30), in: tx)
        }
        #expect(second.isEmpty)
    }

    @Test("refuses writes while too many events wait, and takes them again afterwards")
    func backlog() async throws {
        try await pair.commit((1...10).map { "k\($0)" })
        let isFull = try await pair.source.transaction { tx in try OutboxStore.judge(limit: 10, in: tx) }
        #expect(isFull)
        let refusal = await #expect(throws: OutboxFull.self) { try await pair.commit(["k"]) }
        #expect(refusal?.fault.code == .unavailable)
        #expect(refusal?.fault.retryAfter == .seconds(1))

        try await pair.relay { $0.backlog = 10 }.drain()
        try await pair.commit(["k"])
        #expect(try await unsent() == 1)
    }

    @Test("waits at its start for a database that is in trouble")
    func start() async throws {
        try await pair.commit(["a"])
        let source = TroubledDatabase(pair.source)
        source.fail("outbox.start", [.unavailable, .conflict, .outcomeUnknown])
        async let _: Void = pair.passTime()
        try await pair.relay(from: source).drain()
        #expect(try await unsent() == 0)
    }

    @Test("is woken by a commit, and sends when it runs")
    func running() async throws {
        let relay = pair.relay { $0.gathering = .zero }
        let member = try await pair.bus.join(topic: "things", group: "g", start: .earliest)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            await pair.time.waitForSleepers()
            try await pair.commit(["a"])
            #expect(try await member.receive(limit: 1).map(\.event.key) == ["a"])
            await pair.time.waitForSleepers()
            try await pair.commit(["b"])
            #expect(try await member.receive(limit: 1).map(\.event.key) == ["b"])
            group.cancelAll()
        }
    }
}
