import MartletCore
import MartletMessaging
import MartletTesting
import Synchronization
import Testing

@testable import MartletNATS

@Suite("NATS cluster of three", .timeLimit(.minutes(HangLimit.testMinutes)))
struct NATSClusterProcessTests {
    @Test("without a quorum publications fail, with it they continue: no event is lost")
    func quorum() async throws {
        let cluster = try NATSCluster()
        try await cluster.start()
        try await cluster.withBus { bus in
            let load = Load(bus, events: 200)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await load.publish() }
                group.addTask { try await load.consume() }
                try await load.wait(until: 40)
                let stopped = Array(cluster.servers[1...])
                for server in stopped { try await server.process.kill(SystemTime()) }
                // What was sent before may still be answered.
                let fault = await #expect(throws: Fault.self) {
                    while true { try await bus.publish([numbered(1, of: "other", on: "load")]) }
                }
                #expect(fault?.code.outcome != .refused)
                for server in stopped { try await server.start() }
                try await group.waitForAll()
            }
            #expect(load.received == load.expected)
        }
    }

    @Test("the server of a connection is killed: the next one is used, and no event is lost")
    func failover() async throws {
        let cluster = try NATSCluster()
        try await cluster.start()
        try await cluster.withBus { bus in
            let load = Load(bus, events: 200)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await load.publish() }
                group.addTask { try await load.consume() }
                for (kill, server) in cluster.servers.enumerated() {
                    try await load.wait(until: 40 + kill * 40)
                    try await server.process.kill(SystemTime())
                    try await server.start()
                }
                try await group.waitForAll()
            }
            #expect(load.received == load.expected)
        }
    }

    @Test("a server that is cut off from its cluster is left for another one")
    func isolated() async throws {
        let (cluster, other) = (try NATSCluster(), try NATSServer())
        let alone = cluster.servers[0]
        try await alone.start()
        try await other.start()
        var settings = alone.settings
        settings.servers = [alone, other].map { "nats://127.0.0.1:\($0.port)" }
        settings.acceptsUnsyncedWrites = true
        settings.limits.callTimeout = .milliseconds(500)
        // The library chooses one of the two.
        var bus = try await NATSBus.open(settings, service: "test", policy: .sole("test"), runtime: .system)
        while try await serves(bus) {
            bus = try await NATSBus.open(settings, service: "test", policy: .sole("test"), runtime: .system)
        }
        let unserved = bus.link
        try await bus.running { bus in
            try await repeating { try await bus.publish([numbered(1, on: "t")]) }
            let member = try await repeating { try await bus.join(topic: "t", group: "test", start: .earliest) }
            let delivered = try await member.receive(limit: 1)
            #expect(delivered.map(\.event) == [numbered(1, on: "t")])
            #expect(bus.link !== unserved)
        }
    }

    private func serves(_ bus: NATSBus) async throws -> Bool {
        do {
            _ = try await bus.status()
            return true
        } catch is Fault {
            return false
        }
    }

    @Test("one server of three is away: the others are connected to and used, and it is asked when it returns")
    func away() async throws {
        let cluster = try NATSCluster()
        try await cluster.start()
        try await cluster.withBus { bus in _ = try await repeating { try await bus.publish([numbered(1, on: "t")]) } }
        try await cluster.servers[2].process.kill(SystemTime())
        try await cluster.withBus { bus in
            try await repeating { try await bus.publish([numbered(2, on: "t")]) }
            let member = try await repeating { try await bus.join(topic: "t", group: "test", start: .earliest) }
            var received: Set<Int64> = []
            while received.count < 2 { received.formUnion(try await member.receive(limit: 2).map(\.event.sequence)) }
            try await cluster.servers[2].start()
            while bus.link.shared.state.withLock({ $0.durability }) != .all {
                // For a connection that is new.
                try? await bus.requireDurable()
                try await SystemTime().sleep(for: .milliseconds(10))
            }
        }
        try await cluster.servers[1].process.kill(SystemTime())
        try await cluster.servers[2].process.kill(SystemTime())
        let bus = try await NATSBus.open(cluster.settings, service: "test", policy: .sole("test"), runtime: .system)
        await #expect(throws: Fault.self) { try await bus.requireDurable() }
    }

    @Test(
        "the monitoring endpoints of all servers must be named: each stores events",
        arguments: [{ $0.removeLast() }, { $0[2] = $0[1] }] as [@Sendable (inout [String]) -> Void]
    )
    func monitoring(_ change: @Sendable (inout [String]) -> Void) async throws {
        let cluster = try NATSCluster()
        try await cluster.start()
        try await cluster.withBus(change: { change(&$0.monitoring) }) { bus in
            let fault = await #expect(throws: Fault.self) {
                try await repeating { try await bus.declare(BusDeclaration(topics: [TopicPlan("t")])) }
            }
            #expect(fault?.reason == "nats.unlisted_servers")
        }
    }
}

/// Three servers that store each topic together.
final class NATSCluster: Sendable {
    let servers: [NATSServer]

    init() throws {
        let folder = try ServerFolder()
        let ports = try (0..<3).map { _ in try FreePort.any() }
        let routes = ports.map { "nats://127.0.0.1:\($0)" }.joined(separator: ", ")
        servers = try ports.enumerated().map { index, port in
            try NATSServer(
                name: "n\(index)",
                in: folder,
                settings: "cluster { name: test, listen: 127.0.0.1:\(port), routes: [\(routes)] }"
            )
        }
    }

    /// Starts all, and returns when they have a leader.
    func start() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in servers { group.addTask { try await server.start() } }
            try await group.waitForAll()
        }
    }

    var settings: NATSSettings {
        var settings = servers[0].settings
        settings.servers = servers.map { "nats://127.0.0.1:\($0.port)" }
        settings.monitoring = servers.map { "http://127.0.0.1:\($0.monitoringPort)" }
        settings.replicas = 3
        // Few: each is a group of Raft of its own for each group of consumers.
        settings.limits.partitions = 2
        settings.limits.callTimeout = .seconds(1)
        settings.limits.acknowledgementWait = .seconds(1)
        return settings
    }

    /// Runs `body` with a bus that is connected to all of them, when they serve.
    func withBus(
        change: (inout NATSSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (NATSBus) async throws -> Void
    ) async throws {
        var settings = settings
        change(&settings)
        let bus = try await NATSBus.open(settings, service: "test", policy: .sole("test"), runtime: .system)
        try await repeating { _ = try await bus.status() }
        try await bus.running(body)
    }
}
