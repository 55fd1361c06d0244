import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

/// A bus that stores publications and then runs a hook, which may throw to lose the response.
private final class InterceptingBus: MessageBus {
    private let bus: InMemoryBus
    private let count = Mutex(0)
    private let published: @Sendable (Int) async throws -> Void

    /// - Parameter published: Called after each publication with the number of publications.
    init(_ bus: InMemoryBus, published: @escaping @Sendable (Int) async throws -> Void) {
        self.bus = bus
        self.published = published
    }

    var publications: Int { count.withLock { $0 } }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let outcomes = try await bus.publish(events)
        let number = count.withLock { count in
            count += 1
            return count
        }
        try await published(number)
        return outcomes
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }

    static let responseLost = Fault(.unavailable, .unavailable, "the response was lost")
}

/// A database that counts the reads of what an outbox has not sent, and runs a hook after each mark.
private final class WatchedDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    private let marked: @Sendable (_ number: Int) async throws -> Void
    private let counts = Mutex((reads: 0, marks: 0))

    init(_ database: any SQLDatabase, marked: @escaping @Sendable (_ number: Int) async throws -> Void = { _ in }) {
        self.database = database
        self.marked = marked
    }

    var reads: Int { counts.withLock { $0.reads } }

    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        if "\(name)" == "outbox.waiting" { counts.withLock { $0.reads += 1 } }
        return try await database.read(name, kind: kind, deadline: deadline, body)
    }

    @discardableResult
    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let result = try await database.transaction(name, options: options, body)
        guard "\(name)" == "outbox.mark" else { return result }
        let number = counts.withLock { counts in
            counts.marks += 1
            return counts.marks
        }
        try await marked(number)
        return result
    }
}

@Suite("Outbox relay")
struct OutboxRelayTests {
    let fixture: OutboxFixture

    init() async throws { fixture = try await OutboxFixture() }

    private func unsent() async throws -> Int {
        try await fixture.source.read { tx in try Outbox.unsent(limit: 1_000, in: tx).count }
    }

    private func delivered(_ count: Int) async throws -> [Envelope] {
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .earliest)
        var events: [Envelope] = []
        while events.count < count { events += try await member.receive(limit: 1_000).map(\.event) }
        return events
    }

    @Test("without failures, sends every event once and each key in order")
    func sends() async throws {
        try await fixture.commit((1...50).map { "k\($0 % 5)" })
        try await fixture.relay { $0.batch = 7 }.drain()
        #expect(try await unsent() == 0)
        let events = try await delivered(50)
        #expect(Set(events.map(\.id)).count == 50)
        for key in 0..<5 { #expect(events.filter { $0.key == "k\(key)" }.map(\.sequence) == Array(1...10)) }
    }

    @Test("reads unsent events once, and then with each mark, until there are none")
    func reads() async throws {
        try await fixture.commit((1...21).map { "k\($0)" })
        let database = WatchedDatabase(fixture.source)
        try await fixture.relay(from: database) { $0.batch = 7 }.drain()
        #expect(try await unsent() == 0)
        #expect(database.reads == 1)
    }

    @Test(
        "an event that is committed right after a mark is sent without a poll",
        .timeLimit(.minutes(HangLimit.testMinutes))
    )
    func committedAfterMark() async throws {
        let database = WatchedDatabase(fixture.source) { [fixture] number in
            guard number < 4 else { return }
            try await fixture.commit(["k\(number)"])
        }
        try await fixture.commit(["k"])
        let relay = fixture.relay(from: database) { $0.linger = .zero }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            // The clock stands still: no poll comes.
            let keys = try await delivered(4).map(\.key).sorted()
            #expect(keys == ["k", "k1", "k2", "k3"])
            group.cancelAll()
        }
    }

    @Test(
        "an event that is committed while the rest of a backlog is sent needs no poll",
        .timeLimit(.minutes(HangLimit.testMinutes))
    )
    func committedBehindBacklog() async throws {
        // After the first mark, which has read the third event, and before that one is sent.
        let database = WatchedDatabase(fixture.source) { [fixture] number in
            if number == 1 { try await fixture.commit(["late"]) }
        }
        try await fixture.commit(["a", "b", "c"])
        let relay = fixture.relay(from: database) { limits in
            limits.batch = 2
            limits.linger = .zero
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            // The clock stands still: no poll comes.
            let keys = try await delivered(4).map(\.key).sorted()
            #expect(keys == ["a", "b", "c", "late"])
            group.cancelAll()
        }
    }

    @Test(
        "a busy relay waits for further events, and sends them in one publication",
        .timeLimit(.minutes(HangLimit.testMinutes))
    )
    func lingers() async throws {
        let database = WatchedDatabase(fixture.source) { [fixture] number in
            if number == 1 { try await fixture.commit(["b"]) }
        }
        let bus = InterceptingBus(fixture.bus) { _ in }
        try await fixture.commit(["a"])
        let relay = fixture.relay(from: database, to: bus)
        let linger = OutboxRelay.Limits().linger
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            await fixture.time.waitForSleepers()
            #expect(bus.publications == 1)
            try await fixture.commit(["c"])
            fixture.time.advance(by: linger)
            #expect(try await delivered(3).map(\.key).sorted() == ["a", "b", "c"])
            #expect(bus.publications == 2)
            group.cancelAll()
        }
    }

    @Test("sends unmarked events again, and consumers drop the duplicates")
    func unmarked() async throws {
        try await fixture.commit(["a", "b", "a"])
        let lossy = InterceptingBus(fixture.bus) { number in if number == 1 { throw InterceptingBus.responseLost } }
        await #expect(throws: Fault.self) { try await fixture.relay(to: lossy).drain() }
        #expect(try await unsent() == 3)
        try await fixture.relay(to: lossy).drain()
        #expect(try await unsent() == 0)

        let events = try await delivered(6)
        let handler = FaultyHandler()
        for event in events { try await handler.subscription().deliver(event, on: fixture.target) }
        #expect(try await fixture.effects(of: "a") == [1, 2])
        #expect(try await fixture.effects(of: "b") == [1])
    }

    @Test("does not mark events that it sent under a lost lease")
    func fencing() async throws {
        try await fixture.commit(["k"])
        let lost = try await fixture.source.transaction { tx in
            let leases = try OutboxStore.leases(ofNew: "first", in: tx)
            let rows = try OutboxStore.waiting(leases, source: "test", limit: 10, in: tx)
            return (leases: leases, rows: rows)
        }
        #expect(lost.rows.count == 1)
        fixture.time.advance(by: .seconds(31))
        let acquired = try await fixture.source.transaction { tx in
            let acquired = try OutboxStore.leases(ofNew: "second", in: tx)
            let held = try OutboxStore.mark(lost.rows, sentUnder: lost.leases, by: "first", in: tx)
            return (leases: acquired, stillHeld: held)
        }
        #expect(acquired.leases.count == Outbox.partitions)
        #expect(acquired.stillHeld.isEmpty)
        #expect(acquired.leases.allSatisfy { $0.fencingToken == 2 })
        #expect(try await unsent() == 1)
    }

    @Test("leases expired during a publication: renews them and sends the unmarked events again")
    func ended() async throws {
        try await fixture.commit(["a"])
        let time = fixture.time
        let bus = InterceptingBus(fixture.bus) { number in
            // As after a laptop's suspension; the second condition stops a relay that loops.
            if number == 1 { time.jumpDate(by: .seconds(60)) }
            if number > 5 { throw InterceptingBus.responseLost }
        }
        try await fixture.relay(to: bus).drain()
        #expect(bus.publications == 2)
        #expect(try await unsent() == 0)
    }

    @Test("leases taken over during a publication: publishes nothing more of their partitions")
    func overtaken() async throws {
        try await fixture.commit(["a", "b", "a"])
        let (time, source) = (fixture.time, fixture.source)
        let bus = InterceptingBus(fixture.bus) { number in
            guard number == 1 else { throw InterceptingBus.responseLost }
            time.jumpDate(by: .seconds(60))
            try await source.transaction { tx in
                _ = try OutboxStore.leases(ofNew: "other", in: tx)
            }
        }
        try await fixture.relay(to: bus) { $0.batch = 1 }.drain()
        #expect(bus.publications == 1)
        #expect(try await unsent() == 3)
    }

    @Test("marks only the events that it sent, even when a topic contains a slash")
    func collision() async throws {
        let events = [("a", "1/k"), ("a/1", "k"), ("a/1", "k"), ("a/1", "k")]
        let marked = try await fixture.source.transaction { tx in
            // An older release may have stored such topics; today they are refused.
            for (number, (topic, key)) in events.enumerated() {
                try tx.run(
                    """
                    INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body)
                    VALUES (\(topic), \(key), 1, \(max(number, 1)), 0, \(number), \([UInt8]()))
                    """
                )
            }
            let leases = try OutboxStore.leases(ofNew: "first", in: tx)
            let rows = try OutboxStore.waiting(leases, source: "test", limit: 3, in: tx)
            _ = try OutboxStore.mark(rows, sentUnder: leases, by: "first", in: tx)
            return rows.map(\.event.sequence)
        }
        #expect(marked == [1, 1, 2])
        let rest = try await fixture.source.read { tx in
            try tx.run("SELECT topic, sequence FROM outbox WHERE sent_at IS NULL").map {
                try "\($0.text(0)) \($0.int(1))"
            }
        }
        #expect(rest == ["a/1 3"])
    }

    @Test("does not lease partitions that another relay holds")
    func leased() async throws {
        try await fixture.source.transaction { tx in
            _ = try OutboxStore.leases(ofNew: "first", in: tx)
        }
        let second = try await fixture.source.transaction { tx in
            try OutboxStore.leases(ofNew: "second", in: tx)
        }
        #expect(second.isEmpty)
    }

    @Test("backlog at the limit: writes are refused until events are sent")
    func backlog() async throws {
        try await fixture.commit((1...10).map { "k\($0)" })
        let isFull = try await fixture.source.transaction { tx in
            try OutboxStore.updateBackpressure(limit: 10, in: tx)
        }
        #expect(isFull)
        let refusal = await #expect(throws: OutboxFull.self) { try await fixture.commit(["k"]) }
        #expect(refusal?.fault.code == .unavailable)
        #expect(refusal?.fault.retryAfter == .seconds(1))

        try await fixture.relay { $0.backlog = 10 }.drain()
        try await fixture.commit(["k"])
        #expect(try await unsent() == 1)
    }

    @Test("start: retries while the database has transient failures")
    func start() async throws {
        try await fixture.commit(["a"])
        let source = FailingDatabase(fixture.source)
        source.fail("outbox.start", [.unavailable, .conflict, .outcomeUnknown])
        async let _: Void = fixture.passTime()
        try await fixture.relay(from: source).drain()
        #expect(try await unsent() == 0)
    }

    @Test("running: a commit wakes it, and it sends the events")
    func running() async throws {
        let relay = fixture.relay { $0.linger = .zero }
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .earliest)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            await fixture.time.waitForSleepers()
            try await fixture.commit(["a"])
            #expect(try await member.receive(limit: 1).map(\.event.key) == ["a"])
            await fixture.time.waitForSleepers()
            try await fixture.commit(["b"])
            #expect(try await member.receive(limit: 1).map(\.event.key) == ["b"])
            group.cancelAll()
        }
    }
}
