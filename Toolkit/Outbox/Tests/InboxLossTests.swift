import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("What a group has lost", .timeLimit(.minutes(HangLimit.testMinutes)))
struct InboxLossTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private func loss(_ offsets: ClosedRange<Int64>, partition: Int = 0) -> GroupLoss {
        GroupLoss(
            partition: partition,
            offsets: offsets,
            events: offsets.count,
            reason: "purged",
            storedAt: Timestamp(seconds: 1)...Timestamp(seconds: 2),
            removedAt: Timestamp(seconds: 3)
        )
    }

    /// Joins once with what the bus has lost.
    private func join(_ bus: LossBus) async throws {
        let runner = SubscriptionRunner(
            [handler.subscription()],
            database: fixture.target,
            bus: bus,
            runtime: fixture.runtime
        )
        async let _: Void = fixture.passTime()
        await #expect(throws: CancellationError.self) { try await runner.run() }
    }

    private func stored(confirmed: Bool = false) async throws -> [InboxLoss] {
        try await fixture.target.read { tx in try InboxLosses.list(after: 0, confirmed: confirmed, in: tx) }
    }

    @Test("is stored when it joins, then acknowledged to the bus; what is given again is stored once")
    func once() async throws {
        let bus = LossBus([loss(1...3), loss(7...7, partition: 1)])
        for _ in 0..<2 { try await join(bus) }
        #expect(try await stored().map(\.loss) == bus.losses)
        #expect(try await stored().map { [$0.group, $0.topic] } == [["g", "things"], ["g", "things"]])
        #expect(bus.acknowledged == bus.losses + bus.losses)
        #expect(try await fixture.target.read { tx in try InboxLosses.unconfirmedEvents(in: tx) } == 4)
    }

    @Test("whose acknowledgement fails is given again by the next join")
    func unacknowledged() async throws {
        let bus = LossBus([loss(1...3)], failures: 1)
        try await join(bus)
        #expect(bus.acknowledged == bus.losses)
        #expect(try await stored().map(\.loss) == bus.losses)
    }

    @Test("is confirmed once, and listed on request; a range that has grown waits for an operator again")
    func confirmed() async throws {
        try await join(LossBus([loss(1...3)]))
        let confirm = {
            try await fixture.target.transaction { tx in try InboxLosses.confirm(1, by: "olga", in: tx) }
        }
        #expect(try await confirm() == 3)
        #expect(try await confirm() == nil)
        #expect(try await fixture.target.read { tx in try InboxLosses.exists(1, in: tx) })
        #expect(try await stored() == [])
        #expect(try await stored(confirmed: true).map(\.confirmedBy) == ["olga"])

        try await join(LossBus([loss(1...3)]))
        #expect(try await stored() == [])
        try await join(LossBus([loss(1...4)]))
        #expect(try await stored().map(\.loss) == [loss(1...4)])
    }
}

/// A bus that has lost events of every group; each member ends its runner.
private final class LossBus: MessageBus {
    private struct Member: GroupMember {
        let bus: LossBus
        var isWhole: Bool { false }
        var losses: [GroupLoss] { bus.losses }

        func receive(limit: Int) async throws -> [Delivery] { throw CancellationError() }

        func acknowledge(_ deliveries: [DeliveryID]) async throws {}

        func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {}

        func acknowledge(losses: [GroupLoss]) async throws {
            try bus.state.withLock { state in
                guard state.failures == 0 else {
                    state.failures -= 1
                    throw Fault(.unavailable, .unavailable, "the connection broke")
                }
                state.acknowledged += losses
            }
        }

        func leave() async {}
    }

    private struct State {
        var failures: Int
        var acknowledged: [GroupLoss] = []
    }

    let losses: [GroupLoss]
    private let state: Mutex<State>

    /// - Parameter failures: So many acknowledgements of losses fail first.
    init(_ losses: [GroupLoss], failures: Int = 0) {
        self.losses = losses
        state = Mutex(State(failures: failures))
    }

    var acknowledged: [GroupLoss] { state.withLock { $0.acknowledged } }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] { [] }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember { Member(bus: self) }

    func status() async throws -> [TopicStatus] { [] }
}
