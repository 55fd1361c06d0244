import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("A subscription")
struct SubscriptionTests {
    let pair: Pair
    let effect = Effect()

    init() async throws { pair = try await Pair() }

    private func consumer(shuffledBy seed: UInt64? = nil, start: GroupStart = .earliest) async throws -> Consumer {
        let member = try await pair.bus.join(topic: "things", group: "g", start: start)
        return consumer(of: seed.map { ShufflingMember(member, seed: $0) } ?? member, start: start)
    }

    private func consumer(
        of member: any GroupMember,
        on database: (any SQLDatabase)? = nil,
        start: GroupStart = .earliest
    ) -> Consumer {
        Consumer(
            subscription: effect.subscription(start: start),
            member: member,
            database: database ?? pair.target,
            time: pair.time,
            entropy: pair.entropy,
            limits: SubscriptionRunner.Limits(),
            troubles: KeyTroubles()
        )
    }

    /// Sends what is committed and lets the consumer work until the bus has nothing more for it.
    private func settle(_ consumer: inout Consumer) async throws {
        try await pair.relay().drain()
        while try await pair.lag() > 0 {
            // Longer than any pause: whatever was given back is due.
            pair.time.advance(by: .seconds(6))
            try await consumer.step()
        }
    }

    private func redrive(_ key: String) async throws {
        let asked = try await pair.target.transaction { tx in
            try ParkedMessages.redrive(group: "g", topic: "things", key: key, in: tx)
        }
        #expect(asked)
        try await runner().redriveAsked()
    }

    private func runner(on database: (any SQLDatabase)? = nil, of bus: (any MessageBus)? = nil) -> SubscriptionRunner {
        SubscriptionRunner(
            [effect.subscription()],
            database: database ?? pair.target,
            bus: bus ?? pair.bus,
            time: pair.time,
            entropy: pair.entropy
        )
    }

    private func parked(_ key: String) async throws -> [Int64] {
        try await pair.target.read { tx in
            try ParkedMessages.list(group: "g", topic: "things", key: key, in: tx).map(\.event.sequence)
        }
    }

    @Test("handles each key in order, each event once, also when the log redelivers out of order", arguments: 1...8)
    func shuffled(seed: UInt64) async throws {
        try await pair.commit((1...60).map { "k\($0 % 6)" })
        var consumer = try await consumer(shuffledBy: seed)
        try await settle(&consumer)
        for key in 0..<6 { #expect(try await pair.effects(of: "k\(key)") == Array(1...10)) }
    }

    @Test(
        "parks a key in order at the event that always fails, lets others pass, and after redrive handles all in order, once",
        arguments: [nil, 1, 2, 3, 4, 5] as [UInt64?]
    )
    func parking(seed: UInt64?) async throws {
        effect.breakAt("a", 3)
        try await pair.commit(["a", "b", "a", "a", "b", "a", "c", "a", "b"])
        var consumer = try await consumer(shuffledBy: seed)
        try await settle(&consumer)
        #expect(try await pair.effects(of: "a") == [1, 2])
        #expect(try await pair.effects(of: "b") == [1, 2, 3])
        #expect(try await pair.effects(of: "c") == [1])
        #expect(try await parked("a") == [3, 4, 5])

        try await pair.commit(["a", "b"])
        try await settle(&consumer)
        #expect(try await parked("a") == [3, 4, 5, 6])
        #expect(try await pair.effects(of: "b") == [1, 2, 3, 4])

        effect.mend()
        try await redrive("a")
        #expect(try await pair.effects(of: "a") == [1, 2, 3, 4, 5, 6])
        #expect(try await parked("a") == [])

        try await pair.commit(["a"])
        try await settle(&consumer)
        #expect(try await pair.effects(of: "a") == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test("counts what became of its events, by topic and group")
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

            effect.breakAt("a", 2)
            try await pair.commit(["a", "a", "b", "a"])
            try await settle(&consumer)
            #expect(count("taken") == 2)
            #expect(count("failed") == SubscriptionRunner.Limits().attempts)
            #expect(count("parked") == 2)

            try await pair.bus.publish([.numbered(1, of: "c", epoch: 2), .numbered(1, of: "c", epoch: 2)])
            try await pair.bus.publish([.numbered(2, of: "c"), .numbered(9, of: "d")])
            try await consumer.step()
            #expect(count("taken") == 3)
            #expect(count("duplicate") == 1)
            #expect(count("stale") == 1)
            #expect(count("gap") == 1)
        }
    }

    @Test("stays parked when a redrive fails again, at the event that failed")
    func failedRedrive() async throws {
        effect.breakAt("a", 1)
        effect.breakAt("a", 3)
        try await pair.commit(["a", "a", "a", "a"])
        var consumer = try await consumer()
        try await settle(&consumer)
        effect.mend()
        effect.breakAt("a", 3)
        try await redrive("a")
        #expect(try await pair.effects(of: "a") == [1, 2])
        #expect(try await parked("a") == [3, 4])

        effect.mend()
        try await runner().redriveAsked()
        #expect(try await parked("a") == [3, 4])
        try await redrive("a")
        #expect(try await pair.effects(of: "a") == [1, 2, 3, 4])
    }

    @Test("tries a failing event as often as its limit says, and forgets it when it works before that")
    func attempts() async throws {
        effect.breakAt("a", 1)
        try await pair.commit(["a"])
        try await pair.relay().drain()
        var consumer = try await consumer()
        for _ in 1..<SubscriptionRunner.Limits().attempts {
            pair.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await parked("a") == [])
        effect.mend()
        try await settle(&consumer)
        #expect(try await pair.effects(of: "a") == [1])
    }

    @Test(
        "counts every failure of an effect, whatever the effect says of it",
        arguments: [
            Fault(.resourceExhausted, .overloaded, "too many"), Fault(.deadlineExceeded, .deadlineExceeded, "late"),
        ]
    )
    func refusals(_ fault: Fault) async throws {
        effect.breakAt("a", 1, throwing: fault)
        try await pair.commit(["a", "b"])
        try await pair.relay().drain()
        var consumer = try await consumer()
        for _ in 1...SubscriptionRunner.Limits().attempts {
            pair.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await pair.effects(of: "b") == [1])
        #expect(try await parked("a") == [1])
    }

    @Test("redrives a key also when the one before it is interrupted")
    func isolatedRedrives() async throws {
        for key in ["a", "b"] { effect.breakAt(key, 1) }
        try await pair.commit(["a", "b"])
        var consumer = try await consumer()
        try await settle(&consumer)
        effect.mend()
        try await pair.target.transaction { tx in
            for key in ["a", "b"] { _ = try ParkedMessages.redrive(group: "g", topic: "things", key: key, in: tx) }
        }
        let target = TroubledDatabase(pair.target)
        target.fail("inbox.redrive", [.unavailable])
        try await runner(on: target).redriveAsked()
        #expect(try await parked("a") == [1])
        #expect(try await pair.effects(of: "b") == [1])
    }

    @Test("tells operators what failed and how often; they may edit it or drop it")
    func operators() async throws {
        effect.breakAt("a", 1)
        try await pair.commit(["a", "a"])
        var consumer = try await consumer()
        try await settle(&consumer)
        let target = pair.target
        let keys = try await target.read { tx in try ParkedMessages.keys(in: tx) }
        #expect(keys == [ParkedKey(group: "g", topic: "things", key: "a", count: 2, isRedriving: false)])
        let rest = try await target.read { [keys] tx in try ParkedMessages.keys(after: keys[0], in: tx) }
        #expect(rest.isEmpty)

        let id = "test/1/things/a/1"
        let shown = try await target.read { tx in try ParkedMessages.show(group: "g", topic: "things", id: id, in: tx) }
        #expect(shown?.attempts == SubscriptionRunner.Limits().attempts)
        #expect(shown?.error == "Broken()")

        let edited = try await target.transaction { tx in
            try ParkedMessages.edit(group: "g", topic: "things", id: id, body: [9], in: tx)
        }
        let after = try await target.read { tx in try ParkedMessages.show(group: "g", topic: "things", id: id, in: tx) }
        #expect(edited)
        #expect(after?.event.body == [9])

        let dropped = try await target.transaction { tx in
            [
                try ParkedMessages.drop(group: "g", topic: "things", id: id, in: tx),
                try ParkedMessages.drop(group: "g", topic: "things", id: id, in: tx),
            ]
        }
        #expect(dropped == [true, false])
        try await redrive("a")
        #expect(try await pair.effects(of: "a") == [2])
    }

    @Test("commits its own events with its effect, and in the trace of the event that caused them")
    func outgoing() async throws {
        let trace = TraceContext.root(pair.entropy)
        let subscription = Subscription.on(.things, group: "g") { (key: String, tx: borrowing SQLTransaction) in
            try tx.append(Message(topic: "answers", key: key, body: []))
        }
        let event = Envelope(
            id: "i",
            source: "test",
            epoch: 1,
            topic: "things",
            key: "k",
            sequence: 1,
            time: pair.time.date,
            traceparent: trace.traceparent,
            body: [65]
        )
        let verdicts = [
            try await subscription.deliver(event, on: pair.target),
            try await subscription.deliver(event, on: pair.target),
        ]
        #expect(verdicts == [.effect, .duplicate])
        let kept = try await pair.target.read { tx in
            try tx.run("SELECT topic, key, traceparent FROM outbox").map { [$0.text(0), $0.text(1), $0.text(2)] }
        }
        #expect(kept == [["answers", "A", trace.traceparent]])
    }

    @Test("applied past the inbox takes effect each time, and is new to the inbox afterwards")
    func applied() async throws {
        let (subscription, event) = (effect.subscription(), Envelope.numbered(1, of: "a"))
        for _ in 0..<2 { try await pair.target.transaction { tx in try subscription.apply(event, in: tx) } }
        #expect(try await subscription.deliver(event, on: pair.target) == .effect)
        #expect(try await pair.effects(of: "a") == [1, 1, 1])
    }

    @Test("that begins with the latest takes the first event of a key that it sees as the key's first")
    func latest() async throws {
        try await pair.commit(["a", "a"])
        try await pair.relay().drain()
        var consumer = try await consumer(start: .latest)
        try await pair.commit(["a", "a"])
        try await settle(&consumer)
        #expect(try await pair.effects(of: "a") == [3, 4])
    }

    @Test("that begins with the latest loses nothing while the database is away", arguments: 1...4)
    func latestInterrupted(interruptions: Int) async throws {
        let target = TroubledDatabase(pair.target)
        let member = try await pair.bus.join(topic: "things", group: "g", start: .latest)
        var consumer = consumer(of: member, on: target, start: .latest)
        target.fail("inbox.take", Array(repeating: .unavailable, count: interruptions))
        try await pair.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a")])
        try await consumer.step()
        try await pair.bus.publish([.numbered(3, of: "a")])
        async let _: Void = pair.passTime()
        while try await pair.lag() > 0 { try await consumer.step() }
        #expect(try await pair.effects(of: "a") == [1, 2, 3])
    }

    @Test(
        "that begins with the latest begins with the event that it saw first, also when that fails and another goes on"
    )
    func latestFailing() async throws {
        effect.breakAt("a", 1)
        let first = try await pair.bus.join(topic: "things", group: "g", start: .latest)
        var failing = consumer(of: first, start: .latest)
        try await pair.bus.publish([.numbered(1, of: "a")])
        try await failing.step()
        await first.leave()

        effect.mend()
        var next = try await consumer(start: .latest)
        try await pair.bus.publish([.numbered(2, of: "a")])
        try await next.step()
        while try await pair.lag() > 0 {
            pair.time.advance(by: .seconds(6))
            try await next.step()
        }
        #expect(try await pair.effects(of: "a") == [1, 2])
    }

    @Test("takes a failing event of an ended epoch before the first of the next one")
    func failingEpoch() async throws {
        effect.breakAt("a", 2)
        try await pair.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "a", epoch: 2)])
        var consumer = try await consumer()
        try await consumer.step()
        effect.mend()
        while try await pair.lag() > 0 {
            pair.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await pair.effects(of: "a") == [1, 2, 1])
    }

    @Test("gives back what waits behind gaps in one call, however many keys they are of")
    func oneCall() async throws {
        let member = NotingMember(try await pair.bus.join(topic: "things", group: "g", start: .earliest))
        var consumer = consumer(of: member)
        // One batch of a member that owns all partitions.
        try await pair.bus.publish((1...10).flatMap { key in (2...3).map { .numbered($0, of: "k\(key)") } })
        try await consumer.step()
        #expect(member.givenBack == [20])
    }

    @Test("counts tries on when it has to join its bus anew")
    func rejoining() async throws {
        effect.breakAt("a", 1)
        try await pair.bus.publish([.numbered(1, of: "a")])
        let bus = BreakingBus(pair.bus, joins: SubscriptionRunner.Limits().attempts)
        let runner = runner(of: bus)
        async let _: Void = pair.passTime()
        await #expect(throws: CancellationError.self) { try await runner.run() }
        #expect(try await parked("a") == [1])
    }

    @Test("waits for a missing first event for its patience, then begins with the lowest that is there")
    func missingFirst() async throws {
        try await pair.bus.publish([.numbered(3, of: "a"), .numbered(4, of: "a")])
        var consumer = try await consumer(shuffledBy: 3)
        for _ in 1...5 {
            pair.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await pair.effects(of: "a") == [])
        pair.time.advance(by: SubscriptionRunner.Limits().gapPatience)
        while try await pair.lag() > 0 {
            pair.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await pair.effects(of: "a") == [3, 4])
    }

    @Test("goes on in a new epoch of its source, and drops what is late from the old one")
    func epochs() async throws {
        let subscription = effect.subscription()
        var verdicts: [InboxVerdict] = []
        for event in [
            Envelope.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "a", epoch: 2),
            .numbered(3, of: "a"),
            .numbered(2, of: "a", epoch: 2),
        ] {
            verdicts.append(try await subscription.deliver(event, on: pair.target))
        }
        #expect(verdicts == [.effect, .effect, .effect, .stale, .effect])
    }

    @Test("runs: takes what comes, parks what fails, and redrives when it is asked")
    func running() async throws {
        let time = SystemTime()
        var limits = SubscriptionRunner.Limits()
        limits.leastPause = .milliseconds(1)
        limits.leastGapPause = .milliseconds(1)
        limits.mostPause = .milliseconds(2)
        limits.redrivePause = .milliseconds(1)
        effect.breakAt("a", 1)
        let bus = InMemoryBus(time: time)
        let runner = SubscriptionRunner(
            [effect.subscription()],
            database: pair.target,
            bus: bus,
            time: time,
            entropy: pair.entropy,
            limits: limits
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "b")])
            while try await parked("a") != [1, 2] { await Task.yield() }
            #expect(try await pair.effects(of: "b") == [1])
            effect.mend()
            _ = try await pair.target.transaction { tx in
                try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
            }
            while try await pair.effects(of: "a") != [1, 2] { await Task.yield() }
            group.cancelAll()
            while let result = await group.nextResult() {
                guard case .failure(let error) = result else { continue }
                #expect(error is CancellationError)
            }
        }
        #expect(try await parked("a") == [])
    }
}
