import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("Subscription", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SubscriptionTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private func consumer(shuffledBy seed: UInt64? = nil, start: GroupStart = .earliest) async throws -> Consumer {
        let member = try await fixture.bus.join(topic: "things", group: "g", start: start)
        return consumer(of: seed.map { ShufflingMember(member, seed: $0) } ?? member, start: start)
    }

    private func consumer(
        of member: any GroupMember,
        on database: (any SQLDatabase)? = nil,
        start: GroupStart = .earliest,
        group: GroupBeginning? = nil
    ) -> Consumer {
        Consumer(
            subscription: handler.subscription(start: start),
            member: member,
            database: database ?? fixture.target,
            runtime: fixture.runtime,
            limits: SubscriptionRunner.Limits(),
            keyFailures: KeyFailures(),
            group: group
        )
    }

    /// Sends all committed events and runs the consumer until the group has no lag.
    private func drain(_ consumer: inout Consumer) async throws {
        try await fixture.relay().drain()
        while try await fixture.lag() > 0 {
            // Longer than any delay: every redelivery is due.
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
    }

    private func redrive(_ key: String) async throws {
        let isRequested = try await fixture.target.transaction { tx in
            try ParkedMessages.redrive(group: "g", topic: "things", key: key, in: tx)
        }
        #expect(isRequested)
        try await runner().redriveRequested()
    }

    private func runner(on database: (any SQLDatabase)? = nil, of bus: (any MessageBus)? = nil) -> SubscriptionRunner {
        SubscriptionRunner(
            [handler.subscription()],
            database: database ?? fixture.target,
            bus: bus ?? fixture.bus,
            runtime: fixture.runtime
        )
    }

    private func parked(_ key: String) async throws -> [Int64] {
        try await fixture.target.read { tx in
            try ParkedMessages.list(group: "g", topic: "things", key: key, in: tx).map(\.event.sequence)
        }
    }

    @Test("handles each key in order and each event once, even when redelivery is out of order", arguments: 1...8)
    func shuffled(seed: UInt64) async throws {
        try await fixture.commit((1...60).map { "k\($0 % 6)" })
        var consumer = try await consumer(shuffledBy: seed)
        try await drain(&consumer)
        for key in 0..<6 { #expect(try await fixture.effects(of: "k\(key)") == Array(1...10)) }
    }

    @Test(
        "an event that always fails: parks its key, does not delay other keys; a redrive handles all in order, once",
        arguments: [nil, 1, 2, 3, 4, 5] as [UInt64?]
    )
    func parking(seed: UInt64?) async throws {
        handler.fail("a", at: 3)
        try await fixture.commit(["a", "b", "a", "a", "b", "a", "c", "a", "b"])
        var consumer = try await consumer(shuffledBy: seed)
        try await drain(&consumer)
        #expect(try await fixture.effects(of: "a") == [1, 2])
        #expect(try await fixture.effects(of: "b") == [1, 2, 3])
        #expect(try await fixture.effects(of: "c") == [1])
        #expect(try await parked("a") == [3, 4, 5])

        try await fixture.commit(["a", "b"])
        try await drain(&consumer)
        #expect(try await parked("a") == [3, 4, 5, 6])
        #expect(try await fixture.effects(of: "b") == [1, 2, 3, 4])

        handler.recover()
        try await redrive("a")
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4, 5, 6])
        #expect(try await parked("a") == [])

        try await fixture.commit(["a"])
        try await drain(&consumer)
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test("counts the outcomes of its events by topic and group")
    func counts() async throws {
        let registry = MetricsRegistry(service: "s")
        func count(_ outcome: String) -> Int {
            registry.counter(
                "martlet_inbox_events_total",
                help: "",
                labels: ["topic": "things", "group": "g", "outcome": outcome]
            ).value
        }
        try await MetricsRegistry.$current.withValue(registry) {
            var consumer = try await consumer()
            let zeros = MetricsText.exposition(of: [registry])
            #expect(zeros.contains(#"{service="s",topic="things",group="g",outcome="gap"} 0"#))

            handler.fail("a", at: 2)
            try await fixture.commit(["a", "a", "b", "a"])
            try await drain(&consumer)
            #expect(count("taken") == 2)
            #expect(count("failed") == SubscriptionRunner.Limits().attempts)
            #expect(count("parked") == 2)

            try await fixture.bus.publish([.numbered(1, of: "c", epoch: 2), .numbered(1, of: "c", epoch: 2)])
            try await fixture.bus.publish([.numbered(2, of: "c"), .numbered(9, of: "d")])
            try await consumer.step()
            #expect(count("taken") == 3)
            #expect(count("duplicate") == 1)
            #expect(count("stale") == 1)
            #expect(count("gap") == 1)
        }
    }

    @Test("redrive fails again: the key stays parked at the failed event")
    func failedRedrive() async throws {
        handler.fail("a", at: 1)
        handler.fail("a", at: 3)
        try await fixture.commit(["a", "a", "a", "a"])
        var consumer = try await consumer()
        try await drain(&consumer)
        handler.recover()
        handler.fail("a", at: 3)
        try await redrive("a")
        #expect(try await fixture.effects(of: "a") == [1, 2])
        #expect(try await parked("a") == [3, 4])

        handler.recover()
        try await runner().redriveRequested()
        #expect(try await parked("a") == [3, 4])
        try await redrive("a")
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4])
    }

    @Test("retries a failing event up to the limit, and does not park it when it succeeds before")
    func attempts() async throws {
        handler.fail("a", at: 1)
        try await fixture.commit(["a"])
        try await fixture.relay().drain()
        var consumer = try await consumer()
        for _ in 1..<SubscriptionRunner.Limits().attempts {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await parked("a") == [])
        handler.recover()
        try await drain(&consumer)
        #expect(try await fixture.effects(of: "a") == [1])
    }

    @Test(
        "counts every failure of a handler as an attempt, whatever its code",
        arguments: [
            Fault(.resourceExhausted, .overloaded, "too many"), Fault(.deadlineExceeded, .deadlineExceeded, "late"),
        ]
    )
    func refusals(_ fault: Fault) async throws {
        handler.fail("a", at: 1, throwing: fault)
        try await fixture.commit(["a", "b"])
        try await fixture.relay().drain()
        var consumer = try await consumer()
        for _ in 1...SubscriptionRunner.Limits().attempts {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await fixture.effects(of: "b") == [1])
        #expect(try await parked("a") == [1])
    }

    @Test("redrive: an interrupted key does not prevent the next one")
    func isolatedRedrives() async throws {
        for key in ["a", "b"] { handler.fail(key, at: 1) }
        try await fixture.commit(["a", "b"])
        var consumer = try await consumer()
        try await drain(&consumer)
        handler.recover()
        try await fixture.target.transaction { tx in
            for key in ["a", "b"] { _ = try ParkedMessages.redrive(group: "g", topic: "things", key: key, in: tx) }
        }
        let target = FailingDatabase(fixture.target)
        target.fail("inbox.redrive", [.unavailable])
        try await runner(on: target).redriveRequested()
        #expect(try await parked("a") == [1])
        #expect(try await fixture.effects(of: "b") == [1])
    }

    @Test("redrive: an error at the end of the transaction counts as the handler's, and the redrive ends")
    func failedEnd() async throws {
        handler.fail("a", at: 1)
        try await fixture.commit(["a"])
        var consumer = try await consumer()
        try await drain(&consumer)
        handler.recover()
        _ = try await fixture.target.transaction { tx in
            try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        let target = FailingDatabase(fixture.target)
        target.fail("inbox.redrive", [.constraint])
        try await runner(on: target).redriveRequested()
        let keys = try await fixture.target.read { tx in try ParkedMessages.keys(in: tx) }
        #expect(keys.map(\.isRedriving) == [false])
        try await runner().redriveRequested()
        #expect(try await fixture.effects(of: "a") == [])
        let shown = try await fixture.target.read { tx in
            try ParkedMessages.show(group: "g", topic: "things", id: "test/1/things/a/1", in: tx)
        }
        #expect(shown?.attempts == SubscriptionRunner.Limits().attempts + 1)
        try await redrive("a")
        #expect(try await fixture.effects(of: "a") == [1])
    }

    @Test("operators see the error and attempts of a parked event, and can edit or drop it")
    func operators() async throws {
        handler.fail("a", at: 1)
        try await fixture.commit(["a", "a"])
        var consumer = try await consumer()
        try await drain(&consumer)
        let target = fixture.target
        let keys = try await target.read { tx in try ParkedMessages.keys(in: tx) }
        #expect(keys == [ParkedKey(group: "g", topic: "things", key: "a", count: 2, isRedriving: false)])
        let rest = try await target.read { [keys] tx in try ParkedMessages.keys(after: keys[0], in: tx) }
        #expect(rest.isEmpty)

        let id = "test/1/things/a/1"
        let shown = try await target.read { tx in try ParkedMessages.show(group: "g", topic: "things", id: id, in: tx) }
        #expect(shown?.attempts == SubscriptionRunner.Limits().attempts)
        #expect(shown?.error == "Broken()")

        let isEdited = try await target.transaction { tx in
            try ParkedMessages.edit(group: "g", topic: "things", id: id, body: [9], in: tx)
        }
        let after = try await target.read { tx in try ParkedMessages.show(group: "g", topic: "things", id: id, in: tx) }
        #expect(isEdited)
        #expect(after?.event.body == [9])

        let dropped = try await target.transaction { tx in
            [
                try ParkedMessages.drop(group: "g", topic: "things", id: id, in: tx),
                try ParkedMessages.drop(group: "g", topic: "things", id: id, in: tx),
            ]
        }
        #expect(dropped == [true, false])
        try await redrive("a")
        #expect(try await fixture.effects(of: "a") == [2])
    }

    @Test("outgoing events commit with the handler's writes, in the trace of the event that caused them")
    func outgoing() async throws {
        let trace = TraceContext.root(fixture.entropy, sampled: true)
        let subscription = Subscription.on(.things, group: "g") { (key: String, tx: borrowing SQLTransaction) in
            try tx.append(OutgoingEvent(topic: "answers", key: key, body: []))
        }
        let event = Envelope(
            id: "i",
            source: "test",
            epoch: 1,
            topic: "things",
            key: "k",
            sequence: 1,
            time: fixture.time.date,
            traceparent: trace.traceparent,
            body: [65]
        )
        let decisions = [
            try await subscription.deliver(event, on: fixture.target),
            try await subscription.deliver(event, on: fixture.target),
        ]
        #expect(decisions == [.handle, .duplicate])
        let stored = try await fixture.target.read { tx in
            try tx.run("SELECT topic, key, traceparent FROM outbox").map { try [$0.text(0), $0.text(1), $0.text(2)] }
        }
        #expect(stored == [["answers", "A", trace.traceparent]])
    }

    @Test("apply bypasses the inbox: each call takes effect, and the event is still new to the inbox")
    func applied() async throws {
        let (subscription, event) = (handler.subscription(), Envelope.numbered(1, of: "a"))
        for _ in 0..<2 { try await fixture.target.transaction { tx in try subscription.apply(event, in: tx) } }
        #expect(try await subscription.deliver(event, on: fixture.target) == .handle)
        #expect(try await fixture.effects(of: "a") == [1, 1, 1])
    }

    @Test("start latest: the first event received of an older key becomes the key's first")
    func latest() async throws {
        try await fixture.commit(["a", "a"])
        try await fixture.relay().drain()
        fixture.time.advance(by: .seconds(1))
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .latest)
        let group = GroupBeginning(start: .latest, began: fixture.time.date)
        var consumer = consumer(of: member, start: .latest, group: group)
        try await fixture.commit(["a", "a"])
        try await drain(&consumer)
        #expect(try await fixture.effects(of: "a") == [3, 4])
    }

    @Test("start latest: no event is lost while the database is unavailable", arguments: 1...4)
    func latestInterrupted(interruptions: Int) async throws {
        let target = FailingDatabase(fixture.target)
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .latest)
        var consumer = consumer(of: member, on: target, start: .latest)
        target.fail("inbox.take", Array(repeating: .unavailable, count: interruptions))
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a")])
        try await consumer.step()
        try await fixture.bus.publish([.numbered(3, of: "a")])
        async let _: Void = fixture.passTime()
        while try await fixture.lag() > 0 { try await consumer.step() }
        #expect(try await fixture.effects(of: "a") == [1, 2, 3])
    }

    @Test(
        "start latest: the first event received stays first, even when it fails and another member takes over"
    )
    func latestFailing() async throws {
        handler.fail("a", at: 1)
        let first = try await fixture.bus.join(topic: "things", group: "g", start: .latest)
        var failing = consumer(of: first, start: .latest)
        try await fixture.bus.publish([.numbered(1, of: "a")])
        try await failing.step()
        await first.leave()

        handler.recover()
        var next = try await consumer(start: .latest)
        try await fixture.bus.publish([.numbered(2, of: "a")])
        try await next.step()
        while try await fixture.lag() > 0 {
            fixture.time.advance(by: .seconds(6))
            try await next.step()
        }
        #expect(try await fixture.effects(of: "a") == [1, 2])
    }

    @Test("a failing event of an ended epoch is handled before the first event of the next epoch")
    func failingEpoch() async throws {
        handler.fail("a", at: 2)
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "a", epoch: 2)])
        var consumer = try await consumer()
        try await consumer.step()
        handler.recover()
        while try await fixture.lag() > 0 {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await fixture.effects(of: "a") == [1, 2, 1])
    }

    @Test("events behind gaps of several keys are redelivered in one call")
    func oneCall() async throws {
        let member = RecordingMember(try await fixture.bus.join(topic: "things", group: "g", start: .earliest))
        var consumer = consumer(of: member)
        // One batch of a member that owns all partitions.
        try await fixture.bus.publish((1...10).flatMap { key in (2...3).map { .numbered($0, of: "k\(key)") } })
        try await consumer.step()
        #expect(member.redelivered == [20])
    }

    @Test("attempts are counted across memberships of the group")
    func rejoining() async throws {
        handler.fail("a", at: 1)
        try await fixture.bus.publish([.numbered(1, of: "a")])
        let bus = DisconnectingBus(fixture.bus, joins: SubscriptionRunner.Limits().attempts)
        let runner = runner(of: bus)
        async let _: Void = fixture.passTime()
        await #expect(throws: CancellationError.self) { try await runner.run() }
        #expect(try await parked("a") == [1])
    }

    @Test("new epoch of the source: handles its events, and stores late events of the old epoch apart")
    func epochs() async throws {
        let subscription = handler.subscription()
        var decisions: [InboxDecision] = []
        for event in [
            Envelope.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "a", epoch: 2),
            .numbered(3, of: "a"),
            .numbered(2, of: "a", epoch: 2),
        ] {
            decisions.append(try await subscription.deliver(event, on: fixture.target))
        }
        #expect(decisions == [.handle, .handle, .handle, .late, .handle])
    }

    @Test("running: handles events, parks failing keys, and redrives on request")
    func running() async throws {
        handler.fail("a", at: 1)
        let runner = runner()
        async let _: Void = fixture.passTime()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "b")])
            while try await parked("a") != [1, 2] { await Task.yield() }
            #expect(try await fixture.effects(of: "b") == [1])
            handler.recover()
            _ = try await fixture.target.transaction { tx in
                try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
            }
            while try await fixture.effects(of: "a") != [1, 2] { await Task.yield() }
            group.cancelAll()
            while let result = await group.nextResult() {
                guard case .failure(let error) = result else { continue }
                #expect(error is CancellationError)
            }
        }
        #expect(try await parked("a") == [])
    }
}
