import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletOutbox

/// When a key had its first event: what its source states, and what a group makes of it.
@Suite("Age of a key", .timeLimit(.minutes(HangLimit.testMinutes)))
struct KeySinceTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private var now: Timestamp { fixture.time.date }

    /// Publishes everything, and returns what is on the bus.
    private func published(from database: (any SQLDatabase)? = nil) async throws -> [Envelope] {
        try await fixture.relay(from: database).drain()
        let member = try await fixture.bus.join(topic: "things", group: "all", start: .earliest)
        return try await member.receive(limit: 100).map(\.event)
    }

    private func beginEpoch(of database: any SQLDatabase) async throws {
        let entropy = fixture.entropy
        _ = try await database.transaction("restore") { tx in try Outbox.beginEpoch(after: nil, entropy, in: tx) }
    }

    // MARK: What a source states

    @Test("each event states when the first of its key was committed")
    func stated() async throws {
        let first = now
        try await fixture.commit(["a", "a"])
        fixture.time.advance(by: .seconds(60))
        let second = now
        try await fixture.commit(["b", "a"])
        #expect(first < second)
        let events = try await published()
        #expect(events.filter { $0.key == "a" }.map(\.keySince) == [first, first, first])
        #expect(events.filter { $0.key == "b" }.map(\.keySince) == [second])
    }

    @Test("in a new epoch it is the time of the first event there, also under a clock that is behind")
    func epoch() async throws {
        let first = now
        try await fixture.commit(["a", "b"])
        fixture.time.advance(by: .seconds(60))
        let second = now
        try await fixture.commit(["b"])
        try await beginEpoch(of: fixture.source)
        fixture.time.jumpDate(by: .seconds(-30))
        try await fixture.commit(["a", "b"])
        let events = try await published()
        #expect(events.filter { $0.epoch == 1 }.allSatisfy { $0.keySince == first })
        let restored = events.filter { $0.epoch > 1 }.sorted { $0.key < $1.key }
        #expect(restored.map(\.keySince) == [second - .seconds(30), second])
        #expect(restored.map(\.time) == restored.map(\.keySince))
    }

    @Test("a key of an older version does not state it, until a restore begins a new epoch; new keys do")
    func older() async throws {
        let database = try SQLiteDatabase.inMemory(time: fixture.time)
        try await database.migrate(OutboxTables.migrations)
        try await database.transaction { tx in
            try tx.run("INSERT INTO outbox_keys VALUES ('things', 'a', 2, 5)")
            try tx.run(
                """
                INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body)
                VALUES ('things', 'a', 1, 1, 0, 5, \(Array("a".utf8)))
                """
            )
        }
        try await database.migrate(Outbox.migrations)
        try await database.transaction { tx in
            for key in ["a", "b"] { try tx.append(.thing(key)) }
        }
        try await beginEpoch(of: database)
        try await database.transaction { tx in try tx.append(.thing("a")) }
        let events = try await published(from: database)
        #expect(events.filter { $0.key == "a" }.sorted { $0.epoch < $1.epoch }.map(\.keySince) == [nil, nil, now])
        #expect(events.filter { $0.key == "b" }.map(\.keySince) == [now])
    }

    @Test("a resend states it, too")
    func resent() async throws {
        let first = now
        try await fixture.commit(["a"])
        try await fixture.relay().drain()
        fixture.time.advance(by: .seconds(60))
        let selection = Resend.Selection(since: Timestamp(microseconds: 0), topic: "", key: "", rate: 100)
        let batch = try await fixture.source.transaction { tx in
            _ = try Resends.start(selection, in: tx)
            return try Resends.take(source: "test", limit: 10, in: tx)
        }
        #expect(batch?.events.map(\.keySince) == [first])
    }

    // MARK: What a group makes of it

    /// A group that begins now, on a bus that may have purged events.
    private func begin(_ start: GroupStart = .earliest) async throws -> GroupBeginning {
        let subscription = handler.subscription(start: start)
        return try await fixture.target.transaction { tx in try GroupRows.begin(subscription, isWhole: false, in: tx) }
    }

    private func take(_ event: Envelope, in group: GroupBeginning) async throws -> InboxDecision {
        let inbox = Inbox(handler.subscription(start: group.start), group: group)
        let patience = SubscriptionRunner.Limits().gapPatience
        return try await fixture.target.transaction { tx in
            try inbox.process(event, patience: patience, passesMarkers: true, in: tx)
        }
    }

    /// An event that is committed now, of a key that exists since then.
    private func event(_ sequence: Int64, of key: String = "a", since: Timestamp?) -> Envelope {
        Envelope(
            id: "test/1/things/\(key)/\(sequence)",
            source: "test",
            epoch: 1,
            topic: "things",
            key: key,
            sequence: sequence,
            time: now,
            keySince: since,
            traceparent: nil,
            body: Array(key.utf8)
        )
    }

    @Test(
        "an older key whose first events are not received begins at once, with any number",
        arguments: [GroupStart.earliest, .latest]
    )
    func olderKey(start: GroupStart) async throws {
        let old = now
        fixture.time.advance(by: .seconds(60))
        let group = try await begin(start)
        #expect(try await take(event(3, since: old), in: group) == .handle)
        #expect(try await take(event(4, since: old), in: group) == .handle)
        #expect(try await fixture.effects(of: "a") == [3, 4])
    }

    @Test(
        "a younger key begins with 1, whatever comes first and however long that waits",
        arguments: [GroupStart.earliest, .latest]
    )
    func youngerKey(start: GroupStart) async throws {
        let group = try await begin(start)
        let young = now
        #expect(try await take(event(2, since: young), in: group) == .gap)
        fixture.time.advance(by: .seconds(60))
        #expect(try await take(event(2, since: young), in: group) == .gap)
        #expect(try await take(event(1, since: young), in: group) == .handle)
        #expect(try await take(event(2, since: young), in: group) == .handle)
        #expect(try await take(event(2, of: "b", since: young), in: group) == .gap)
        fixture.time.advance(by: SubscriptionRunner.Limits().gapPatience)
        #expect(try await take(event(2, of: "b", since: young), in: group) == .enqueue)
    }

    @Test("a key of unknown age begins with any number, which waits shortly for earlier ones")
    func unknown() async throws {
        let group = try await begin()
        #expect(try await take(event(2, since: nil), in: group) == .gap)
        fixture.time.advance(by: Inbox.basePatience - .milliseconds(1))
        #expect(try await take(event(2, since: nil), in: group) == .gap)
        #expect(try await take(event(1, since: nil), in: group) == .handle)
        #expect(try await take(event(2, since: nil), in: group) == .handle)

        #expect(try await take(event(2, of: "b", since: nil), in: group) == .gap)
        fixture.time.advance(by: Inbox.basePatience)
        #expect(try await take(event(2, of: "b", since: nil), in: group) == .handle)
        #expect(try await take(event(1, of: "b", since: nil), in: group) == .late)
    }

    @Test("an event that an operator fills does not begin a younger key")
    func filled() async throws {
        let group = try await begin()
        let young = now
        #expect(try await take(event(3, since: young), in: group) == .gap)
        let gaps = Gaps([handler.subscription()])
        let name = InboxKeyName(group: "g", topic: "things", key: "a", source: "test")
        let isFilled = try await fixture.target.transaction { tx in
            let isFilled = try gaps.fill(name, epoch: 1, sequence: 2, body: Array("a".utf8), at: nil, in: tx)
            _ = try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
            return isFilled
        }
        #expect(isFilled)
        let runner = SubscriptionRunner(
            [handler.subscription()],
            database: fixture.target,
            bus: fixture.bus,
            runtime: fixture.runtime
        )
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [])
        #expect(try await take(event(1, since: young), in: group) == .handle)
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2])
    }

    @Test("parked and late events keep it")
    func stored() async throws {
        let subscription = handler.subscription()
        let (parked, late) = (event(1, since: now), event(2, of: "b", since: now))
        let stored = try await fixture.target.transaction { tx in
            _ = try Inbox(subscription).park(parked, error: "failed", attempts: 5, in: tx)
            try LateEvents.store(late, group: "g", in: tx)
            return try ParkedMessages.list(group: "g", topic: "things", key: "a", in: tx).map(\.event)
                + LateEvents.list(in: tx).map(\.event)
        }
        #expect(stored == [parked, late])
    }
}
