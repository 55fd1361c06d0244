import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("A resend", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ResendTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private var resender: Resender { resender(to: fixture.bus) }

    private func resender(to bus: any MessageBus, topics: [TopicPlan] = []) -> Resender {
        Resender(source: "test", database: fixture.source, bus: bus, runtime: fixture.runtime, topics: topics)
    }

    private func start(since: Timestamp = Timestamp(microseconds: 0), key: String = "", rate: Int = 100) async throws {
        let selection = Resend.Selection(since: since, topic: key.isEmpty ? "" : "things", key: key, rate: rate)
        _ = try await fixture.source.transaction { tx in try Resends.start(selection, in: tx) }
    }

    /// As in `done 3`: the state and the number of events of the newest resend.
    private func newest() async throws -> String? {
        try await fixture.source.read { tx in try Resends.list(before: 0, in: tx) }.first.map {
            "\($0.state) \($0.events)"
        }
    }

    /// The keys and sequences that a log that has forgotten everything receives, as in `a1`.
    private func received(by bus: InMemoryBus) async throws -> [String] {
        let member = try await bus.join(topic: "things", group: "all", start: .earliest)
        return try await member.receive(limit: 1_000).map { "\($0.event.key)\($0.event.sequence)" }.sorted()
    }

    private func finish(_ resender: Resender) async throws {
        while try await newest()?.hasPrefix("running") == true {
            fixture.time.advance(by: .seconds(1))
            while try await resender.step() {}
        }
    }

    @Test("publishes what was published again, each key in order, and leaves what is unsent to the relay")
    func whole() async throws {
        try await fixture.commit(["a", "b", "a", "c"])
        try await fixture.relay().drain()
        try await fixture.commit(["a"])
        try await start()
        let empty = InMemoryBus(partitions: 1, time: fixture.time)
        try await finish(resender(to: empty))
        #expect(try await received(by: empty) == ["a1", "a2", "b1", "c1"])
        #expect(try await newest() == "done 4")
        let unsent = try await fixture.source.read { tx in try Outbox.unsent(limit: 10, in: tx).map(\.key) }
        #expect(unsent == ["a"])
    }

    @Test("of a key, or since a time, publishes nothing else")
    func selected() async throws {
        try await fixture.commit(["a", "b", "a"])
        fixture.time.advance(by: .seconds(60))
        let since = fixture.time.date
        try await fixture.commit(["b", "c", "a"])
        try await fixture.relay().drain()
        try await start(since: since)
        let late = InMemoryBus(partitions: 1, time: fixture.time)
        try await finish(resender(to: late))
        #expect(try await received(by: late) == ["a3", "b2", "c1"])
        try await start(key: "b")
        let ofKey = InMemoryBus(partitions: 1, time: fixture.time)
        try await finish(resender(to: ofKey))
        #expect(try await received(by: ofKey) == ["b1", "b2"])
    }

    @Test("does not fill the outbox, whose limit counts unsent events only")
    func backlog() async throws {
        try await fixture.commit(["a", "b", "c", "d"])
        try await fixture.relay().drain()
        try await start()
        let isFull = try await fixture.source.transaction { tx in try OutboxStore.updateBackpressure(limit: 2, in: tx) }
        #expect(!isFull)
        try await fixture.commit(["e"])
        try await finish(resender)
        #expect(try await newest() == "done 4")
    }

    @Test("publishes at its rate")
    func rate() async throws {
        try await fixture.commit(Array(repeating: "a", count: 25))
        try await fixture.relay().drain()
        try await start(rate: 10)
        while try await resender.step() {}
        #expect(try await newest() == "running 10")
        fixture.time.advance(by: .milliseconds(999))
        while try await resender.step() {}
        #expect(try await newest() == "running 10")
        fixture.time.advance(by: .milliseconds(1))
        while try await resender.step() {}
        #expect(try await newest() == "running 20")
        fixture.time.advance(by: .seconds(1))
        while try await resender.step() {}
        #expect(try await newest() == "done 25")
    }

    @Test("a batch whose publication failed is published again, later")
    func failedPublication() async throws {
        try await fixture.commit(["a"])
        try await fixture.relay().drain()
        try await start()
        await #expect(throws: Fault.self) { _ = try await resender(to: RefusingBus()).step() }
        #expect(try await !resender.step())
        fixture.time.advance(by: Resends.hold)
        try await finish(resender)
        #expect(try await newest() == "done 1")
    }

    @Test("declares the topics of the service to a log that has lost them")
    func declared() async throws {
        try await fixture.commit(["a", "b"])
        try await fixture.relay().drain()
        try await start()
        let bus = DeclaringBus(InMemoryBus(partitions: 1, time: fixture.time))
        try await finish(resender(to: bus, topics: [TopicPlan("things")]))
        #expect(try await received(by: bus.bus) == ["a1", "b1"])
        #expect(try await newest() == "done 2")
    }

    @Test("an event that the log refuses is counted and unsent again, and all behind it are published")
    func refused() async throws {
        try await fixture.source.transaction { tx in
            try tx.append(OutgoingEvent(topic: "former", key: "a", body: [1]))
            try tx.append(OutgoingEvent(topic: "former", key: "a", body: [2]))
        }
        try await fixture.commit(["a", "b"])
        try await fixture.relay().drain()
        try await start()
        let bus = DeclaringBus(InMemoryBus(partitions: 1, time: fixture.time))
        let metrics = MetricsRegistry(service: "test")
        try await MetricsRegistry.$current.withValue(metrics) {
            try await finish(resender(to: bus, topics: [TopicPlan("things")]))
        }
        #expect(try await received(by: bus.bus) == ["a1", "b1"])
        #expect(try await newest() == "done 2")
        #expect(metrics.counter("martlet_resend_refused_total", help: "", labels: ["topic": "former"]).value == 2)
        let unsent = try await fixture.source.read { tx in
            try tx.run("SELECT sequence FROM outbox WHERE sent_at IS NULL ORDER BY sequence").map { try $0.int64(0) }
        }
        #expect(unsent == [1, 2])
    }

    @Test("two instances do not publish the same batch; a stopped resend ends, and stays ended")
    func stopped() async throws {
        try await fixture.commit(Array(repeating: "a", count: 25))
        try await fixture.relay().drain()
        try await start(rate: 10)
        let batch = try await fixture.source.transaction { tx in try Resends.take(source: "test", limit: 64, in: tx) }
        #expect(batch?.events.count == 10)
        let second = try await fixture.source.transaction { tx in try Resends.take(source: "test", limit: 64, in: tx) }
        #expect(second == nil)
        let known = try await fixture.source.transaction { tx in
            [try Resends.stop(1, in: tx), try Resends.stop(1, in: tx), try Resends.stop(2, in: tx)]
        }
        #expect(known == [true, true, false])
        if let batch { try await fixture.source.transaction { tx in try Resends.finish(batch, in: tx) } }
        #expect(try await newest() == "stopped 0")
    }

    @Test("consumers that have handled the events drop them, and take what the log had lost")
    func consumed() async throws {
        try await fixture.commit(["a", "a", "a"])
        try await fixture.relay().drain()
        let subscription = handler.subscription()
        for sequence: Int64 in [1, 2] {
            _ = try await subscription.deliver(.numbered(sequence, of: "a"), on: fixture.target)
        }
        try await start()
        let restored = InMemoryBus(partitions: 1, time: fixture.time)
        try await finish(resender(to: restored))
        let member = try await restored.join(topic: "things", group: "g", start: .earliest)
        var decisions: [InboxDecision] = []
        for delivery in try await member.receive(limit: 10) {
            decisions.append(try await subscription.deliver(delivery.event, on: fixture.target))
        }
        #expect(decisions == [.duplicate, .duplicate, .handle])
        #expect(try await fixture.effects(of: "a") == [1, 2, 3])
    }

    @Test("bodies of one publication are limited, but for a single larger one")
    func bytes() async throws {
        let body = [UInt8](repeating: 1, count: Outbox.bodyLimit)
        for _ in 1...9 {
            try await fixture.source.transaction { tx in
                try tx.append(OutgoingEvent(topic: "things", key: "a", body: body))
            }
        }
        try await fixture.relay().drain()
        try await start(rate: 1_000)
        let batch = try await fixture.source.transaction { tx in try Resends.take(source: "test", limit: 64, in: tx) }
        #expect(batch?.events.count == Resends.batchBytes / Outbox.bodyLimit)
        if let batch { try await fixture.source.transaction { tx in try Resends.finish(batch, in: tx) } }
        try await finish(resender)
        #expect(try await newest() == "done 9")
    }
}

/// A bus that accepts no event.
private struct RefusingBus: MessageBus {
    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        throw Fault(.unavailable, .unavailable, "is away")
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        throw Fault(.unavailable, .unavailable, "is away")
    }

    func status() async throws -> [TopicStatus] { [] }
}

/// A bus that refuses the events of topics that were not declared to it.
private final class DeclaringBus: MessageBus {
    let bus: InMemoryBus
    private let topics = Mutex<Set<ExactText>>([])

    init(_ bus: InMemoryBus) { self.bus = bus }

    func declare(_ declaration: BusDeclaration) async throws {
        topics.withLock { $0.formUnion(declaration.topics.map { ExactText($0.name) }) }
    }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let topics = topics.withLock { $0 }
        let refusals = PublishRefusals(of: events) { event in
            topics.contains(ExactText(event.topic)) ? nil : PublishRefusal("test.unknown_topic", "is not declared")
        }
        try await bus.publish(refusals.accepted(of: events))
        return refusals.outcomes
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}
