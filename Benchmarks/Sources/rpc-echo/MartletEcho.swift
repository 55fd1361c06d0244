import Logging
import MartletContract
import MartletCore
import MartletRPC
import ServiceLifecycle

/// The echo over Martlet's RPC.
enum MartletEcho {
    private static let echo = MethodDescriptor(
        service: Wire.service,
        name: Wire.method,
        idempotent: true,
        writes: false,
        users: .anybody,
        callers: [],
        http: []
    )

    static func serve(_ bound: @escaping @Sendable (Int) -> Void) async throws {
        var contract = ServedContract(name: Wire.service, openAPI: "", on: NoPlatform())
        contract.on(echo) { (request: Text, _) in request }
        var limits = RPCServerLimits()
        // The calls have no token.
        limits.authenticationTimeout = .seconds(86_400)
        let server = RPCServer(
            contracts: [contract],
            host: "127.0.0.1",
            port: 0,
            limits: limits,
            budget: .process,
            runtime: .system,
            logger: Logger(label: "rpc-echo"),
            authenticate: { _, _ in .anonymous }
        )
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [server], logger: Logger(label: "rpc-echo"))
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            bound(try await server.boundPort())
            try await tasks.waitForAll()
        }
    }

    static func withCalls(
        _ port: Int,
        _ body: @Sendable (_ call: @escaping @Sendable (Text) async throws -> Text) async throws -> Void
    ) async throws {
        let connection = RPCConnection(
            host: "127.0.0.1",
            port: port,
            limits: RPCClientLimits(),
            runtime: .system,
            authorization: nil
        )
        try await body { try await connection.unary(echo, $0, context: CallContext()) }
        await connection.close()
    }
}
