import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

/// A bus that refuses the events of some keys, and stores what comes behind them.
private final class RefusingBus: MessageBus {
    private let bus: InMemoryBus
    private let keys: Mutex<Set<ExactText>>

    init(_ bus: InMemoryBus, refusing keys: [String]) {
        self.bus = bus
        self.keys = Mutex(Set(keys.map { ExactText($0) }))
    }

    func acceptAll() { keys.withLock { $0 = [] } }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let refused = keys.withLock { $0 }
        let outcomes = events.map { event in
            // Only the first event: a bus that does not keep the order of a key.
            refused.contains(ExactText(event.key)) && event.sequence == 1
                ? PublishOutcome.refused(PublishRefusal("test.refused", "refused")) : .accepted
        }
        try await bus.publish(zip(events, outcomes).filter { $0.1 == .accepted }.map(\.0))
        return outcomes
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}

/// A bus that takes topics, and events on them, only of a list, and a declaration only as a whole; as an event log does.
private final class PermittingBus: MessageBus {
    private let bus: InMemoryBus
    private let permitted: Mutex<Set<ExactText>>
    private let topics = Mutex<Set<ExactText>>([])

    init(_ bus: InMemoryBus, permitting topics: [String]) {
        self.bus = bus
        permitted = Mutex(Set(topics.map { ExactText($0) }))
    }

    func permit(_ topic: String) { permitted.withLock { _ = $0.insert(ExactText(topic)) } }

    func declare(_ declaration: BusDeclaration) async throws {
        let names = declaration.topics.map { ExactText($0.name) }
        let permitted = permitted.withLock { $0 }
        guard names.allSatisfy({ permitted.contains($0) }) else {
            throw Fault(.permissionDenied, "test.not_permitted", "a topic is not permitted")
        }
        topics.withLock { $0.formUnion(names) }
    }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let topics = topics.withLock { $0 }
        let refusals = PublishRefusals(of: events) { event in
            topics.contains(ExactText(event.topic)) ? nil : PublishRefusal("test.not_permitted", "is not permitted")
        }
        try await bus.publish(refusals.accepted(of: events))
        return refusals.outcomes
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}

@Suite("Refused publications", .timeLimit(.minutes(HangLimit.testMinutes)))
struct OutboxRefusalTests {
    let fixture: OutboxFixture

    init() async throws { fixture = try await OutboxFixture() }

    private func unsent() async throws -> [String] {
        try await fixture.source.read { tx in
            try tx.run("SELECT key, sequence FROM outbox WHERE sent_at IS NULL ORDER BY key, sequence").map {
                try "\($0.text(0))/\($0.int(1))"
            }
        }
    }

    private func attempts() async throws -> [Int] {
        try await fixture.source.read { tx in
            try tx.run("SELECT attempts FROM outbox_refused ORDER BY topic, key").map { try $0.int(0) }
        }
    }

    @Test("a refused event and what is behind it stay unsent, all other keys are published")
    func others() async throws {
        try await fixture.commit(["bad", "a", "bad", "b"])
        let bus = RefusingBus(fixture.bus, refusing: ["bad"])
        try await fixture.relay(to: bus).drain()
        #expect(try await unsent() == ["bad/1", "bad/2"])
        #expect(try await attempts() == [1])
    }

    @Test("more refused keys than a batch has events do not stop the keys behind them")
    func many() async throws {
        let bad = (1...20).map { "bad\($0)" }
        try await fixture.commit(bad + ["a"])
        let bus = RefusingBus(fixture.bus, refusing: bad)
        try await fixture.relay(to: bus) { $0.batch = 4 }.drain()
        #expect(try await unsent().count == 20)
        #expect(try await unsent().allSatisfy { $0.hasPrefix("bad") })
    }

    @Test("a refused key is retried after its pause, in order, and then forgotten")
    func retried() async throws {
        try await fixture.commit(["bad", "bad"])
        let bus = RefusingBus(fixture.bus, refusing: ["bad"])
        try await fixture.relay(to: bus).drain()
        try await fixture.relay(to: bus).drain()
        #expect(try await attempts() == [1])
        fixture.time.advance(by: OutboxRelay.Limits().refusedDelayMin)
        try await fixture.relay(to: bus).drain()
        #expect(try await attempts() == [2])

        bus.acceptAll()
        fixture.time.advance(by: OutboxRelay.Limits().refusedDelayMax)
        try await fixture.commit(["bad"])
        try await fixture.relay(to: bus).drain()
        #expect(try await unsent().isEmpty)
        #expect(try await attempts().isEmpty)
        let member = try await fixture.bus.join(topic: "things", group: "g", start: .earliest)
        var handled: [Envelope] = []
        while handled.count < 5 { handled += try await member.receive(limit: 10).map(\.event) }
        let handler = FaultyHandler()
        for event in handled.sorted(by: { $0.sequence < $1.sequence }) {
            try await handler.subscription().deliver(event, on: fixture.target)
        }
        #expect(try await fixture.effects(of: "bad") == [1, 2, 3])
    }

    @Test("a topic that the bus does not permit yet does not hold up the others, and follows when it does")
    func topics() async throws {
        let bus = PermittingBus(fixture.bus, permitting: ["things"])
        let relay = OutboxRelay(
            source: "test",
            instance: "test-1",
            database: fixture.source,
            bus: bus,
            runtime: fixture.runtime,
            topics: [TopicPlan("new"), TopicPlan("things")]
        )
        try await fixture.source.transaction { tx in
            try tx.append(OutgoingEvent(topic: "new", key: "n", body: []))
            try tx.append(.thing("a"))
        }
        try await relay.drain()
        #expect(try await unsent() == ["n/1"])

        bus.permit("new")
        fixture.time.advance(by: OutboxRelay.Limits().refusedDelayMin)
        try await relay.drain()
        #expect(try await unsent().isEmpty)
    }

    @Test("a bus that answers for too few events has published none that is marked")
    func answers() async throws {
        try await fixture.commit(["a"])
        let rows = try await fixture.source.transaction { tx in
            let leases = try OutboxStore.leases(ofNew: "first", in: tx)
            return try OutboxStore.waiting(leases, source: "test", limit: 10, in: tx)
        }
        #expect(throws: Fault.self) { _ = try OutboxRefusals.split(rows, []) { _ in .zero } }
    }
}
