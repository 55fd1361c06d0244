import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Testing

@testable import MartletOutbox

/// A handler that throws `CancellationError` stands for one that ends its process: nothing after it takes effect.
@Suite("Handler that ends the process", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EndingHandlerTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private var limits: SubscriptionRunner.Limits { SubscriptionRunner.Limits() }

    /// The next process of an instance.
    private func start(_ boot: ExactText, of instance: ExactText = "a") async throws -> MarkedAttempts {
        let attempts = MarkedAttempts(in: InboxProcess(instance: instance), boot: boot)
        try await attempts.start(on: fixture.target, window: limits.suspicionWindow, fixture.time)
        return attempts
    }

    private func consumer(
        of subscription: Subscription? = nil,
        on bus: InMemoryBus? = nil,
        _ attempts: MarkedAttempts
    ) async throws -> Consumer {
        let subscription = subscription ?? handler.subscription()
        return Consumer(
            subscription: subscription,
            member: try await (bus ?? fixture.bus).join(topic: "things", group: subscription.group, start: .earliest),
            database: fixture.target,
            runtime: fixture.runtime,
            limits: limits,
            keyFailures: KeyFailures(),
            group: nil,
            attempts: attempts
        )
    }

    /// A log that has just started, with these events.
    private func log(_ events: [Envelope]) async throws -> InMemoryBus {
        let bus = InMemoryBus(time: fixture.time)
        try await bus.publish(events)
        return bus
    }

    private func step(_ consumer: inout Consumer) async throws {
        fixture.time.advance(by: .seconds(6))
        try await consumer.step()
    }

    /// Lets a process run until a handler ends it.
    private func run(_ boot: ExactText, of instance: ExactText = "a", on bus: InMemoryBus) async throws {
        var consumer = try await consumer(on: bus, try await start(boot, of: instance))
        await #expect(throws: CancellationError.self) { try await step(&consumer) }
    }

    private func end(_ key: String, at sequence: Int64) {
        handler.fail(key, at: sequence, throwing: CancellationError())
    }

    private func parked(_ key: String) async throws -> [ParkedMessage] {
        try await fixture.target.read { tx in
            try ParkedMessages.list(group: "g", topic: "things", key: key, in: tx)
        }
    }

    /// The number of markers, and of those that an attempt holds.
    private func markers() async throws -> [Int] {
        try await fixture.target.read { tx in
            try tx.run("SELECT COUNT(*), COUNT(boot) FROM inbox_attempts").flatMap { try [$0.int(0), $0.int(1)] }
        }
    }

    @Test("is parked at the second marked attempt, also when the log ends with it; all others are handled once")
    func parks() async throws {
        end("a", at: 1)
        let events = [Envelope.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "b")]
        for boot in ["1", "2", "3"] as [ExactText] {
            #expect(try await parked("a") == [])
            try await run(boot, on: try await log(events))
        }
        #expect(try await parked("a") == [])
        var consumer = try await consumer(on: try await log(events), try await start("4"))
        try await step(&consumer)
        let parked = try await parked("a")
        #expect(parked.map(\.event.sequence) == [1, 2])
        #expect(parked.first?.error == "ended the process")
        #expect(parked.map(\.attempts) == [2, 0])
        #expect(try await fixture.effects(of: "a") == [])
        #expect(try await fixture.effects(of: "b") == [1])
        #expect(try await markers() == [0, 0])
    }

    @Test("nothing is suspected after an orderly end: events are taken in batches, without markers")
    func orderly() async throws {
        let first = try await start("1")
        #expect(!first.takesOneByOne(at: fixture.time.now))
        await first.end(on: fixture.target)
        let second = try await start("2")
        #expect(!second.takesOneByOne(at: fixture.time.now))
        let third = try await start("3")
        #expect(third.takesOneByOne(at: fixture.time.now))
        // As after a start whose commit has an unknown outcome.
        try await third.start(on: fixture.target, window: limits.suspicionWindow, fixture.time)
        #expect(third.takesOneByOne(at: fixture.time.now))
        fixture.time.advance(by: limits.suspicionWindow)
        #expect(!third.takesOneByOne(at: fixture.time.now))
    }

    @Test("a kill from outside in the middle of a marked attempt: nothing is parked, and the event is handled")
    func killedOnce() async throws {
        end("a", at: 1)
        let events = [Envelope.numbered(1, of: "a")]
        for boot in ["1", "2"] as [ExactText] { try await run(boot, on: try await log(events)) }
        #expect(try await markers() == [1, 1])
        handler.recover()
        var consumer = try await consumer(on: try await log(events), try await start("3"))
        try await step(&consumer)
        #expect(try await fixture.effects(of: "a") == [1])
        #expect(try await parked("a") == [])
        #expect(try await markers() == [0, 0])
    }

    @Test(
        "two subscriptions: one attempt at a time runs in the process, so that only the event of the ending one counts"
    )
    func subscriptions() async throws {
        let ending = Subscription.on(.things, group: "g") { (_: String, tx: borrowing SQLTransaction) in
            let held = try tx.run("SELECT group_name FROM inbox_attempts").map { try $0.text(0) }
            // Its own ends with this transaction; the other subscription's event has none at the same time.
            #expect(held == [])
            throw CancellationError()
        }
        let innocent = Subscription.onEnvelope(.things, group: "h") {
            (_: String, event: Envelope, tx: borrowing SQLTransaction) in
            try tx.run("INSERT INTO effects (key, sequence) VALUES ('innocent', \(event.sequence))")
        }
        _ = try await start("1")
        try await fixture.bus.publish([.numbered(1, of: "a")])
        let attempts = try await start("2")
        let consumers = [try await consumer(of: ending, attempts), try await consumer(of: innocent, attempts)]
        let failures = await withTaskGroup(of: Bool.self) { group in
            for consumer in consumers {
                group.addTask {
                    var consumer = consumer
                    do { try await consumer.step() } catch { return error is CancellationError }
                    return false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(failures == 1)
        #expect(try await fixture.effects(of: "innocent") == [1])
        _ = try await start("3")
        let counted = try await fixture.target.read { tx in
            try tx.run("SELECT group_name, ends FROM inbox_attempts").map { try "\($0.text(0)) \($0.int(1))" }
        }
        #expect(counted == ["g 1"])
    }

    @Test(
        "another instance redelivers the event until the marker counts: the first starts again, or its lease ends",
        arguments: [true, false]
    )
    func anotherInstance(startsAgain: Bool) async throws {
        end("a", at: 1)
        _ = try await start("a0")
        let events = [Envelope.numbered(1, of: "a")]
        try await run("a1", on: try await log(events))
        handler.recover()
        // It suspects nothing itself.
        var other = try await consumer(on: try await log(events), try await start("b1", of: "b"))
        try await step(&other)
        #expect(try await fixture.effects(of: "a") == [])
        if startsAgain {
            _ = try await start("a2")
        } else {
            fixture.time.advance(by: limits.attemptLease)
        }
        #expect(try await markers() == [1, startsAgain ? 0 : 1])
        try await step(&other)
        #expect(try await fixture.effects(of: "a") == [1])
        #expect(try await markers() == [0, 0])
    }

    @Test("two processes with one name: what the other attempts is redelivered, and counts when its lease has ended")
    func sameName() async throws {
        end("a", at: 1)
        let events = [Envelope.numbered(1, of: "a")]
        let first = try await start("a1")
        try await run("a2", on: try await log(events))
        handler.recover()
        var consumer = try await consumer(on: try await log(events), first)
        try await step(&consumer)
        #expect(try await fixture.effects(of: "a") == [])
        #expect(try await markers() == [1, 1])
        fixture.time.advance(by: limits.attemptLease)
        try await step(&consumer)
        #expect(try await fixture.effects(of: "a") == [1])
        #expect(try await parked("a") == [])
    }

    @Test("a start counts the markers of the process that it replaces, and not those of a third one with its name")
    func replaced() async throws {
        for boot in ["a1", "a2"] as [ExactText] { _ = try await start(boot) }
        let until = fixture.time.date + limits.attemptLease
        try await fixture.target.transaction { tx in
            for (sequence, boot) in [(Int64(1), "a1"), (2, "a2")] as [(Int64, ExactText)] {
                let rows = AttemptRows(group: "g", event: .numbered(sequence, of: "a"))
                let holder = AttemptMarker.Holder(instance: "a", boot: boot)
                try rows.store(AttemptMarker(holder: holder, leaseUntil: until, ends: 0), in: tx)
            }
        }
        _ = try await start("a3")
        let ends = try await fixture.target.read { tx in
            try tx.run("SELECT ends FROM inbox_attempts ORDER BY sequence").map { try $0.int(0) }
        }
        #expect(ends == [0, 1])
    }

    @Test("a living instance releases the marker that no attempt of its own holds, and renews the others")
    func released() async throws {
        end("a", at: 1)
        _ = try await start("1")
        let attempts = try await start("2")
        try await fixture.bus.publish([.numbered(1, of: "a")])
        var consumer = try await consumer(attempts)
        await #expect(throws: CancellationError.self) { try await step(&consumer) }
        #expect(try await markers() == [1, 1])
        let place = try await attempts.enter()
        fixture.time.advance(by: limits.attemptLease)
        try await attempts.keep(on: fixture.target, lease: limits.attemptLease)
        let lease = try await fixture.target.read { tx in
            try tx.run("SELECT lease_until FROM inbox_attempts").map { try Timestamp(microseconds: $0.int64(0)) }
        }
        #expect(lease == [fixture.time.date + limits.attemptLease])
        attempts.leave(place)
        try await attempts.keep(on: fixture.target, lease: limits.attemptLease)
        #expect(try await markers() == [0, 0])
    }

    @Test("nothing later of its key passes a marked event, in whatever process")
    func order() async throws {
        end("a", at: 1)
        _ = try await start("1")
        try await run("2", on: try await log([.numbered(1, of: "a")]))
        handler.recover()
        let subscription = handler.subscription()
        #expect(try await subscription.deliver(.numbered(1, of: "a", epoch: 2), on: fixture.target) == .gap)
        #expect(try await subscription.deliver(.numbered(1, of: "a"), on: fixture.target) == .handle)
        #expect(try await subscription.deliver(.numbered(1, of: "a", epoch: 2), on: fixture.target) == .handle)
    }

    @Test(
        "an event whose handler throws while events are taken one by one is parked after all attempts, with its error"
    )
    func throwing() async throws {
        handler.fail("a", at: 1)
        _ = try await start("1")
        var attempts = try await start("2")
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(1, of: "b")])
        var consumer = try await consumer(attempts)
        for _ in 1..<limits.attempts { try await step(&consumer) }
        #expect(try await parked("a") == [])
        #expect(try await markers() == [0, 0])
        try await step(&consumer)
        #expect(try await parked("a").map(\.error) == ["Broken()"])
        attempts = try await start("3")
        #expect(try await markers() == [0, 0])
        #expect(try await fixture.effects(of: "b") == [1])
        #expect(attempts.holder.boot == "3")
    }

    @Test("redrive of an event that ends the process again: it stays parked, and no start loops")
    func redrive() async throws {
        handler.fail("a", at: 1)
        try await fixture.bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a")])
        var consumer = try await consumer(try await start("1"))
        for _ in 1...limits.attempts { try await step(&consumer) }
        #expect(try await parked("a").map(\.event.sequence) == [1, 2])
        end("a", at: 1)
        try await fixture.target.transaction { tx in
            _ = try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        for _ in 1...AttemptMarker.endsLimit {
            await #expect(throws: CancellationError.self) { try await redriveInNextProcess() }
        }
        try await redriveInNextProcess()
        #expect(try await parked("a").map(\.error) == ["ended the process", "waits behind a parked event"])
        let keys = try await fixture.target.read { tx in try ParkedMessages.keys(in: tx) }
        #expect(keys.map(\.isRedriving) == [false])
        #expect(try await markers() == [0, 0])

        handler.recover()
        try await fixture.target.transaction { tx in
            _ = try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        try await redriveInNextProcess()
        #expect(try await fixture.effects(of: "a") == [1, 2])
        #expect(try await markers() == [0, 0])
    }

    @Test("redrive of a late event that ends the process: it waits for an operator again, and no start loops")
    func redriveLate() async throws {
        let subscription = handler.subscription()
        let late = Envelope.numbered(2, of: "a")
        for event in [.numbered(1, of: "a"), .numbered(1, of: "a", epoch: 2), late] {
            try await subscription.deliver(event, on: fixture.target)
        }
        end("a", at: 2)
        #expect(try await redriven(late))
        for _ in 1...AttemptMarker.endsLimit {
            await #expect(throws: CancellationError.self) { try await redriveInNextProcess() }
        }
        try await redriveInNextProcess()
        let waiting = try await fixture.target.read { tx in try LateEvents.list(in: tx) }
        #expect(waiting.map { "\($0.error), \($0.isRedriving)" } == ["ended the process, false"])
        #expect(try await markers() == [0, 0])

        handler.recover()
        #expect(try await redriven(late))
        try await redriveInNextProcess()
        #expect(try await fixture.effects(of: "a") == [1, 1, 2])
        #expect(try await markers() == [0, 0])
    }

    /// An operator requests that a late event be handled.
    private func redriven(_ event: Envelope) async throws -> Bool {
        try await fixture.target.transaction { tx in
            try LateEvents.redrive(group: "g", topic: "things", id: event.id, in: tx)
        }
    }

    /// Each call is another process of one instance.
    private func redriveInNextProcess() async throws {
        let runner = SubscriptionRunner(
            [handler.subscription()],
            database: fixture.target,
            bus: fixture.bus,
            runtime: fixture.runtime
        )
        try await runner.start()
        try await runner.redriveRequested()
    }

    @Test("a marker whose event does not come again is removed after its retention")
    func purged() async throws {
        end("a", at: 1)
        _ = try await start("1")
        try await run("2", on: try await log([.numbered(1, of: "a")]))
        fixture.time.advance(by: AttemptRows.retention)
        let early = try await fixture.target.transaction { tx in try Outbox.purge(SentRetention(of: []), in: tx) }
        fixture.time.advance(by: .seconds(1))
        let late = try await fixture.target.transaction { tx in try Outbox.purge(SentRetention(of: []), in: tx) }
        #expect([early, late] == [0, 1])
        #expect(try await markers() == [0, 0])
    }
}

@Suite("Queue of attempts", .timeLimit(.minutes(HangLimit.testMinutes)))
struct AttemptQueueTests {
    @Test("one is in it at a time, and a cancelled one does not stop the others")
    func turns() async throws {
        let queue = AttemptQueue()
        let first = try await queue.enter()
        let isCancelled = await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await queue.enter() }
            group.cancelAll()
            guard case .failure(let error) = await group.nextResult() else { return false }
            return error is CancellationError
        }
        #expect(isCancelled)
        async let second = queue.enter()
        queue.leave(first)
        queue.leave(try await second)
        queue.leave(try await queue.enter())
    }
}
