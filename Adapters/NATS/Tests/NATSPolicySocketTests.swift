import Foundation
import MartletCore
import MartletMessaging
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletNATS

@Suite("NATS policy", .timeLimit(.minutes(HangLimit.testMinutes)))
struct NATSPolicySocketTests {
    /// `reader` reads the topic of `writer`; `other` speaks to neither.
    private static let policy = BusPolicy(
        topics: [.init("written", publisher: "writer", partitions: 2), .init("other", publisher: "other")],
        edges: [(service: "reader", source: "writer")]
    )

    private static func event(of source: String) -> Envelope {
        Envelope(
            id: "1",
            source: source,
            epoch: 1,
            topic: "written",
            key: "k",
            sequence: 1,
            time: Timestamp(seconds: 1),
            traceparent: nil,
            body: []
        )
    }

    @Test("the adapter refuses what the policy forbids, with the reasons of the event log")
    func adapter() async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = { $0.prefix = "policy" }
        try await server.withBus(service: "writer", policy: Self.policy, change: change) { bus in
            try await bus.declare(BusDeclaration(topics: [TopicPlan("written", partitions: 2)]))
            let outcomes = try await bus.publish([Self.event(of: "other"), Self.event(of: "writer")])
            #expect(outcomes.first?.refusal?.reason == "bus.foreign_source")
            let accepted = try await bus.publish([Self.event(of: "writer")])
            #expect(accepted == [.accepted])
        }
        try await server.withBus(service: "reader", policy: Self.policy, change: change) { bus in
            let outcomes = try await bus.publish([Self.event(of: "reader")])
            #expect(outcomes.first?.refusal?.reason == "bus.not_owner")
            await expect("bus.not_owner") { try await bus.declare(BusDeclaration(topics: [TopicPlan("written")])) }
            await expect("bus.foreign_group") {
                _ = try await bus.join(topic: "written", group: "other", start: .earliest)
            }
            await expect("bus.no_edge") { _ = try await bus.join(topic: "other", group: "reader", start: .earliest) }
            let member = try await bus.join(topic: "written", group: "mine", start: .earliest)
            let delivered = try await member.receive(limit: 1)
            #expect(delivered.map(\.event) == [Self.event(of: "writer")])
        }
        try await server.withBus(service: "writer", policy: Self.policy, change: change) { bus in
            await expect("bus.foreign_group") {
                _ = try await bus.join(topic: "written", group: "mine", start: .earliest)
            }
        }
    }

    @Test("a consumer that starts first makes the topic as the policy plans it")
    func consumerFirst() async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = { $0.prefix = "consumerFirst" }
        try await server.withBus(service: "reader", policy: Self.policy, change: change) { bus in
            let group = GroupPlan(topic: "written", group: "reader")
            try await bus.declare(BusDeclaration(topics: [TopicPlan("written", partitions: 5)], groups: [group]))
            let partitions = try await bus.status().map(\.partitions)
            #expect(partitions == [2])
        }
        try await server.withBus(service: "writer", policy: Self.policy, change: change) { bus in
            try await bus.declare(BusDeclaration(topics: [TopicPlan("written", partitions: 3)]))
            let status = try await bus.status()
            #expect(status.map(\.partitions) == [2])
            #expect(status.map(\.declaredPartitions) == [3])
            try await bus.declare(BusDeclaration(topics: [TopicPlan("written", partitions: 2)]))
            let corrected = try await bus.status()
            #expect(corrected.map(\.declaredPartitions) == [nil])
        }
    }

    @Test("a server that ignores the setting for one member at a time is refused")
    func old() async throws {
        let answer = """
            {"name": "g-0", "config": {"deliver_policy": "all", "filter_subject": "s"}, "ack_floor": {"stream_seq": 0},
             "num_ack_pending": 0, "num_pending": 0}
            """
        let consumer = try JSONDecoder().decode(JetStream.ConsumerInfo.self, from: Data(answer.utf8))
        let server = try await SharedServer.current.get()
        try await server.withBus { bus in
            await expect("nats.too_old") { try bus.admit(consumer, of: GroupPlan(topic: "t", group: "g")) }
        }
    }

    @Test("a group is not joined on a bus that does not run, which would not keep its members")
    func notRunning() async throws {
        let server = try await SharedServer.current.get()
        var settings = server.settings
        settings.limits.callTimeout = .milliseconds(100)
        let bus = try await NATSBus.open(settings, service: "test", policy: .sole("test"), runtime: .system)
        await expect("nats.not_running") { _ = try await bus.join(topic: "t", group: "g", start: .earliest) }
    }

    @Test("undeclared topics are refused by name")
    func undeclared() async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = {
            $0.prefix = "undeclared"
            $0.limits.acceptsUndeclared = false
        }
        try await server.withBus(change: change) { bus in
            let outcomes = try await bus.publish([numbered(1, on: "nowhere")])
            #expect(outcomes.first?.refusal?.reason == "nats.unknown_topic")
            await expect("nats.unknown_topic") {
                _ = try await bus.join(topic: "nowhere", group: "g", start: .earliest)
            }
        }
    }

    @Test("the server's permissions let each service do what the policy allows, and nothing else")
    func permissions() async throws {
        let users = ["writer", "reader", "other"].map { service in
            let permissions = NATSPermissions(
                of: service,
                policy: Self.policy,
                topics: ["written", "other"],
                settings: NATSSettings(servers: [""], monitoring: [])
            )
            return "{ user: \(service), password: p-\(service), permissions: \(permissions.text) }"
        }
        let server = try NATSServer(settings: "authorization { users: [ \(users.joined(separator: ", ")) ] }")
        try await server.start()
        func settings(of service: String) -> @Sendable (inout NATSSettings) -> Void {
            {
                $0.credentials = .user(service, password: Redacted("p-\(service)"))
                $0.limits.acceptsUndeclared = false
                $0.limits.callTimeout = .seconds(2)
            }
        }
        try await server.withBus(service: "writer", policy: Self.policy, change: settings(of: "writer")) { bus in
            try await bus.declare(
                BusDeclaration(topics: [TopicPlan("written", partitions: 2, retention: .seconds(60))])
            )
            let outcomes = try await bus.publish([Self.event(of: "writer")])
            #expect(outcomes == [.accepted])
            try await bus.purge("written")
        }
        // As a process that is compromised: its adapter checks nothing.
        try await server.withBus(service: "other", policy: .sole("other"), change: settings(of: "other")) { bus in
            bus.state.withLock { $0.topics[ExactText("written")] = 2 }
            await #expect(throws: Fault.self) { try await bus.publish([Self.event(of: "other")]) }
            await #expect(throws: Fault.self) {
                _ = try await bus.join(topic: "written", group: "other", start: .earliest)
            }
            // The server reports it to no caller: it is logged.
            while !NATSRefusals.current.texts.contains(where: { $0.contains("martlet.events.written") }) {
                try await SystemTime().sleep(for: .milliseconds(10))
            }
        }
        try await server.withBus(service: "reader", policy: Self.policy, change: settings(of: "reader")) { bus in
            let member = try await bus.join(topic: "written", group: "reader", start: .earliest)
            let delivered = try await member.receive(limit: 10)
            #expect(delivered.map(\.event) == [Self.event(of: "writer")])
            try await member.acknowledge(delivered.map(\.id))
            await member.leave()
        }
    }

    private func expect(_ reason: Reason, _ body: () async throws -> Void) async {
        let fault = await #expect(throws: Fault.self) { try await body() }
        #expect(fault?.reason == reason)
    }
}
