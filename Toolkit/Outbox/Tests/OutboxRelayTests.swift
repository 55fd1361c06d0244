import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

/// A bus that stores what it is given and then loses its answer, as often as it is told to.
private final class ForgetfulBus: MessageBus {
    private let bus: InMemoryBus
    private let losses: Mutex<Int>

    init(_ bus: InMemoryBus, losing losses: Int) {
        self.bus = bus
        self.losses = Mutex(losses)
    }

    func publish(_ events: [Envelope]) async throws {
        try await bus.publish(events)
        let isLost = losses.withLock { losses in
            losses -= 1
            return losses >= 0
        }
        if isLost { throw Fault(.unavailable, .unavailable, "the answer was lost") }
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
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
        let forgetful = ForgetfulBus(pair.bus, losing: 1)
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
            try OutboxStore.mark(lost.rows, sentUnder: lost.leases, by: "first", in: tx)
            return taken
        }
        #expect(taken.count == Outbox.partitions)
        #expect(taken.allSatisfy { $0.epoch == 2 })
        #expect(try await unsent() == 1)
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
        let refusal = await #expect(throws: Fault.self) { try await pair.commit(["k"]) }
        #expect(refusal?.code == .unavailable)
        #expect(refusal?.retryAfter == .seconds(1))

        try await pair.relay { $0.backlog = 10 }.drain()
        try await pair.commit(["k"])
        #expect(try await unsent() == 1)
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
