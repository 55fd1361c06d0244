import MartletContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Topics of a service", .timeLimit(.minutes(HangLimit.testMinutes)))
struct TopicPlanTests {
    @Test("their partitions and retention are declared by the publisher, and the partitions by its consumers too")
    func declared() async throws {
        let time = ManualTime()
        let bus = DeclaringBus(bus: InMemoryBus(time: time))
        let runtime = try await ServiceRuntime(
            PlanningService.self,
            on: WordFixture.dependencies(
                SQLiteDatabase.inMemory(time: time),
                bus: bus,
                runtime: Runtime(time: time, seed: 1)
            )
        )
        let loops = runtime.loops.filter { ["outbox relay", "subscriptions"].contains($0.name) }
        await withTaskGroup(of: Void.self) { group in
            for loop in loops {
                // A cancelled loop throws `CancellationError`.
                group.addTask { try? await loop.run() }
            }
            while bus.topics.count < 2, !Task.isCancelled { await Task.yield() }
            group.cancelAll()
        }
        let published = TopicPlan("test.published", partitions: 4, retention: .seconds(86_400))
        #expect(bus.topics == [published, TopicPlan("test.consumed", partitions: 16)])
    }
}

/// Publishes on one topic and consumes another one, both with a plan.
private struct PlanningService: ServiceBlueprint {
    static let name = "planning"
    static let migrations: [Migration] = []
    static let consumed = Topic<String>(
        "test.consumed",
        partitions: 16,
        retention: .seconds(60),
        key: { $0 },
        encode: { Array($0.utf8) },
        decode: { String(decoding: $0, as: UTF8.self) }
    )

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] {
        let topic = ServedTopic("test.published", partitions: 4, retention: .seconds(86_400))
        return [ServedContract(name: "test.Planning", openAPI: "", topics: [topic], on: platform)]
    }

    var subscriptions: [Subscription] { [.on(Self.consumed, group: Self.name) { _, _ in }] }
}

/// A bus that keeps the topics which were declared, each once, the publisher's first.
private final class DeclaringBus: MessageBus {
    private let bus: InMemoryBus
    private let declared = Mutex<Set<TopicPlan>>([])

    init(bus: InMemoryBus) { self.bus = bus }

    var topics: [TopicPlan] { declared.withLock { $0.sorted { ExactText($0.name) > ExactText($1.name) } } }

    func declare(_ declaration: BusDeclaration) async throws {
        declared.withLock { $0.formUnion(declaration.topics) }
        try await bus.declare(declaration)
    }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] { try await bus.publish(events) }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}
