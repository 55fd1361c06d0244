import Logging
import MartletContract
import MartletCore
import MartletDiscovery
import MartletRPC
import MartletResilience
import MartletTelemetry
import MartletTesting
import ServiceLifecycle
import SwiftProtobuf
import Testing

@testable import MartletHost

@Suite("Remote channel", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RemoteChannelSocketTests {
    private static let slow = method("Slow")
    private static let quick = method("Quick")

    private static func method(_ name: String) -> MethodDescriptor {
        MethodDescriptor(
            service: "test.Words",
            name: name,
            idempotent: true,
            writes: false,
            users: .anybody,
            callers: [],
            http: []
        )
    }

    /// Responds with `name`; its slow method waits for `gate`.
    private static func server(_ name: String, entered: Gate, _ gate: Gate) -> RPCServer {
        var contract = ServedContract(name: "test.Words", openAPI: "", on: NoPlatform())
        contract.on(slow) { (_: ListAuditRequest, _) -> ShowWorkflowRequest in
            entered.open()
            await gate.wait()
            return .with { $0.id = name }
        }
        contract.on(quick) { (_: ListAuditRequest, _) -> ShowWorkflowRequest in .with { $0.id = name } }
        return RPCServer(
            contracts: [contract],
            host: "127.0.0.1",
            port: 0,
            limits: .patient,
            budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
            runtime: .system,
            logger: Logger(label: "test"),
            authenticate: { _, _ in .anonymous }
        )
    }

    private static func channel(in registry: any Registry) -> RemoteChannel {
        RemoteChannel(
            to: "words",
            in: registry,
            policy: .betweenServices,
            metrics: MetricsRegistry(service: "links"),
            runtime: .system
        ) { address in
            RPCConnection(
                host: address.host,
                port: address.port,
                limits: .patient,
                runtime: .system,
                authorization: nil
            )
        }
    }

    @Test("open calls to an instance that has left the registry finish; new calls do not wait for them")
    func leaving() async throws {
        let (entered, gate) = (Gate(), Gate())
        let old = Self.server("old", entered: entered, gate)
        let new = Self.server("new", entered: entered, gate)
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: old), .init(service: new)], logger: Logger(label: "test"))
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let registry = InMemoryRegistry()
            func list(_ server: RPCServer) async throws {
                let address = Address(host: "127.0.0.1", port: try await server.boundPort())
                registry.set("words", [Instance(id: "w", http: nil, grpc: address, operate: nil)])
            }
            let channel = Self.channel(in: registry)
            try await list(old)
            async let first: ShowWorkflowRequest = channel.unary(Self.slow, ListAuditRequest(), context: CallContext())
            await entered.wait()
            try await list(new)
            let second: ShowWorkflowRequest = try await channel.unary(
                Self.quick,
                ListAuditRequest(),
                context: CallContext()
            )
            #expect(second.id == "new")
            gate.open()
            #expect(try await first.id == "old")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test("instances that cannot be reached fail no call, also of a method that may not be repeated")
    func nextInstance() async throws {
        let (entered, gate) = (Gate(), Gate())
        let server = Self.server("up", entered: entered, gate)
        let once = MethodDescriptor(
            service: "test.Words",
            name: "Quick",
            idempotent: false,
            writes: true,
            users: .anybody,
            callers: [],
            http: []
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let group = ServiceGroup(
                configuration: .init(services: [.init(service: server)], logger: Logger(label: "test"))
            )
            tasks.addTask { try await group.run() }
            // Nothing listens on ports 1 and 2.
            let ports = [1, 2, try await server.boundPort()]
            let instances = ports.map { port in
                Instance(id: "w-\(port)", http: nil, grpc: Address(host: "127.0.0.1", port: port), operate: nil)
            }
            let registry = InMemoryRegistry(["words": instances])
            let channel = Self.channel(in: registry)
            for _ in 1...20 {
                let response: ShowWorkflowRequest = try await channel.unary(
                    once,
                    ListAuditRequest(),
                    context: CallContext()
                )
                #expect(response.id == "up")
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
