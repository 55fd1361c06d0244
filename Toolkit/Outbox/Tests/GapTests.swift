import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletOutbox

/// The interleavings of `Simulations/Model` that depend on what is stored.
@Suite("Gaps and late events", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GapTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private func consumer(shuffledBy seed: UInt64? = nil) async throws -> Consumer {
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .earliest)
        return Consumer(
            subscription: handler.subscription(),
            member: seed.map { ShufflingMember(member, seed: $0) } ?? member,
            database: fixture.target,
            runtime: fixture.runtime,
            limits: SubscriptionRunner.Limits(),
            keyFailures: KeyFailures(),
            group: GroupBeginning(start: .earliest, began: fixture.time.date, isWhole: member.isWhole)
        )
    }

    private func runner() -> SubscriptionRunner {
        SubscriptionRunner(
            [handler.subscription()],
            database: fixture.target,
            bus: fixture.bus,
            runtime: fixture.runtime
        )
    }

    private func parked(_ key: String) async throws -> [Int64] {
        try await fixture.target.read { tx in
            try ParkedMessages.list(group: "g", topic: "things", key: key, in: tx).map(\.event.sequence)
        }
    }

    /// Runs the consumer until the group has no lag.
    private func settle(_ consumer: inout Consumer) async throws {
        while try await fixture.lag() > 0 {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
    }

    /// Parks the given events behind a gap.
    private func park(_ sequences: [Int64], of key: String, _ consumer: inout Consumer) async throws {
        try await fixture.bus.publish(sequences.map { .numbered($0, of: key) })
        for _ in 1...5 {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await parked(key) == [])
        fixture.time.advance(by: SubscriptionRunner.Limits().gapPatience)
        try await settle(&consumer)
        #expect(try await parked(key) == sequences)
    }

    private func lateNumbers() async throws -> [Int64] {
        try await fixture.target.read { tx in
            try tx.run("SELECT sequence FROM inbox_late ORDER BY sequence").map { try $0.int64(0) }
        }
    }

    @Test("missing event: the later ones are parked after their patience, and redriven when it comes")
    func missing() async throws {
        var consumer = try await consumer(shuffledBy: 3)
        try await park([3, 4], of: "a", &consumer)
        #expect(try await fixture.target.read { tx in try Gaps.keysWithGaps(in: tx) } == 1)
        let requested = try await fixture.target.transaction { tx in
            try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        #expect(requested)
        try await runner().redriveRequested()
        #expect(try await fixture.effects(of: "a") == [])

        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(4, of: "a")])
        try await settle(&consumer)
        try await runner().redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4])
        #expect(try await parked("a") == [])
        #expect(try await fixture.target.read { tx in try Gaps.keysWithGaps(in: tx) } == 0)
    }

    @Test("a key that is always a little behind: each missing event has a patience of its own")
    func progress() async throws {
        var consumer = try await consumer()
        let patience = SubscriptionRunner.Limits().gapPatience
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(3, of: "a")])
        try await steps(&consumer)
        fixture.time.advance(by: patience - .seconds(60))
        try await fixture.bus.publish([.numbered(2, of: "a"), .numbered(5, of: "a")])
        try await steps(&consumer)
        #expect(try await fixture.effects(of: "a") == [1, 2, 3])
        fixture.time.advance(by: .seconds(60))
        try await steps(&consumer)
        #expect(try await parked("a") == [])
        fixture.time.advance(by: patience)
        try await settle(&consumer)
        #expect(try await parked("a") == [5])
    }

    /// Three receives of a consumer for which something is redelivered.
    private func steps(_ consumer: inout Consumer) async throws {
        for _ in 1...3 {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
    }

    @Test("the time before the consumer joined is no patience: nothing could close a gap")
    func downtime() async throws {
        let patience = SubscriptionRunner.Limits().gapPatience
        let subscription = handler.subscription()
        try await subscription.deliver(.numbered(1, of: "a"), on: fixture.target)
        #expect(try await subscription.deliver(.numbered(3, of: "a"), on: fixture.target) == .gap)
        fixture.time.advance(by: patience * 2)
        let inbox = Inbox(subscription, joined: fixture.time.date)
        var decisions: [InboxDecision] = []
        for _ in 1...2 {
            decisions.append(
                try await fixture.target.transaction { tx in
                    try inbox.process(.numbered(3, of: "a"), patience: patience, passesMarkers: true, in: tx)
                }
            )
            fixture.time.advance(by: patience)
        }
        #expect(decisions == [.gap, .enqueue])
    }

    @Test("an epoch that ends with skipped numbers: nothing waits any more")
    func endsSkipped() async throws {
        let subscription = handler.subscription()
        let last = Envelope.numbered(5, of: "a")
        try await subscription.deliver(.numbered(1, of: "a"), on: fixture.target)
        #expect(try await subscription.deliver(last, on: fixture.target) == .gap)
        try await fixture.target.transaction { tx in
            try InboxKeyRows(group: "g", event: last).skip(EventNumber(epoch: 1, sequence: 4), through: 5, in: tx)
        }
        for sequence in Int64(2)...3 {
            try await subscription.deliver(.numbered(sequence, of: "a"), on: fixture.target)
        }
        let waiting = try await fixture.target.read { tx in try tx.run("SELECT 1 FROM inbox_waiting").count }
        #expect(waiting == 0)
    }

    @Test("skipped event: the later ones are redriven, and it is late when it comes")
    func skipped() async throws {
        var consumer = try await consumer()
        try await fixture.bus.publish([.numbered(1, of: "a")])
        try await park([4, 5], of: "a", &consumer)
        let skipped = try await fixture.target.transaction { tx in
            let skipped = [
                try ParkedMessages.skipMissing(group: "g", topic: "things", key: "a", in: tx),
                try ParkedMessages.skipMissing(group: "g", topic: "things", key: "a", in: tx),
            ]
            _ = try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
            return skipped
        }
        #expect(skipped == ["1/2-3", nil])
        try await runner().redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 4, 5])

        try await fixture.bus.publish([.numbered(3, of: "a"), .numbered(6, of: "a"), .numbered(3, of: "a")])
        try await settle(&consumer)
        #expect(try await fixture.effects(of: "a") == [1, 4, 5, 6])
        #expect(try await lateNumbers() == [3])
    }

    @Test("an event behind a gap that is dropped is not missing afterwards")
    func droppedBehindGap() async throws {
        var consumer = try await consumer()
        try await fixture.bus.publish([.numbered(1, of: "a")])
        try await park([3], of: "a", &consumer)
        let dropped = try await fixture.target.transaction { tx in
            try ParkedMessages.drop(group: "g", topic: "things", id: "test/1/things/a/3", in: tx)
        }
        #expect(dropped)
        try await fixture.bus.publish([.numbered(2, of: "a"), .numbered(4, of: "a")])
        try await settle(&consumer)
        #expect(try await fixture.effects(of: "a") == [1, 2, 4])
    }

    @Test("late event of an older epoch: it is stored apart, its key continues, and a repeat is a duplicate")
    func late() async throws {
        var consumer = try await consumer()
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(1, of: "a", epoch: 2)])
        try await settle(&consumer)
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(2, of: "a", epoch: 2)])
        try await fixture.bus.publish([.numbered(2, of: "a")])
        try await settle(&consumer)
        #expect(try await fixture.effects(of: "a") == [1, 1, 2])
        #expect(try await lateNumbers() == [2])
        #expect(try await parked("a") == [])
    }

    @Test("a failing event holds a newer epoch back, also after the process has lost its memory")
    func failingAcrossProcesses() async throws {
        handler.fail("a", at: 1)
        let subscription = handler.subscription()
        var failing = try await consumer()
        try await fixture.bus.publish([.numbered(1, of: "a")])
        try await failing.step()
        handler.recover()
        #expect(try await subscription.deliver(.numbered(1, of: "a", epoch: 2), on: fixture.target) == .gap)
        #expect(try await subscription.deliver(.numbered(1, of: "a"), on: fixture.target) == .handle)
        #expect(try await subscription.deliver(.numbered(1, of: "a", epoch: 2), on: fixture.target) == .handle)
    }

    @Test("a group that has begun joins with the earliest event, also when the bus has forgotten it")
    func startOnce() async throws {
        let subscription = handler.subscription(start: .latest)
        let begun = try await fixture.target.transaction { tx in
            [
                try GroupRows.begin(subscription, isWhole: false, in: tx),
                try GroupRows.begin(subscription, isWhole: false, in: tx),
            ]
        }
        #expect(begun[0] == begun[1])
        #expect(begun[0].began == fixture.time.date)
        try await fixture.bus.publish([.numbered(1, of: "a")])

        let bus = DisconnectingBus(fixture.bus, joins: 1)
        let runner = SubscriptionRunner(
            [subscription],
            database: fixture.target,
            bus: bus,
            runtime: fixture.runtime
        )
        async let _: Void = fixture.passTime()
        await #expect(throws: CancellationError.self) { try await runner.run() }
        // Its time is before the beginning: it is counted.
        let count = try await fixture.target.read { tx in
            try tx.run("SELECT before_count FROM inbox_groups").map { try $0.int(0) }
        }
        #expect(count == [1])
    }

    @Test("a database of the version before: its groups have begun, and its positions start with 1")
    func upgrade() async throws {
        let database = try SQLiteDatabase.inMemory(time: fixture.time)
        try await database.migrate(InboxTables.migrations)
        try await database.transaction { tx in
            try tx.run(
                """
                INSERT INTO inbox_positions (group_name, topic, key, source, epoch, last_sequence)
                VALUES ('g', 'things', 'a', 'test', 1, 4)
                """
            )
        }
        try await database.migrate(Outbox.migrations)
        let subscription = handler.subscription(start: .latest)
        let begun = try await database.transaction { tx in try GroupRows.begin(subscription, isWhole: false, in: tx) }
        #expect(begun == GroupBeginning(start: .latest, began: nil))
        #expect(try await subscription.deliver(.numbered(4, of: "a"), on: database) == .duplicate)
        #expect(try await subscription.deliver(.numbered(6, of: "a"), on: database) == .gap)
    }
}
