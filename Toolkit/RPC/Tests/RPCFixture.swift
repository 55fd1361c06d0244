import Logging
import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import ServiceLifecycle

/// A server with the tests' contract on a free port, and a client connection to it.
struct RPCFixture: Sendable {
    let port: Int
    let texts: Texts
    let server: RPCServer
    let connection: RPCConnection
    let group: ServiceGroup

    /// The default limits with timeouts that only a hang reaches; a test of a timeout sets its own.
    static var limits: RPCServerLimits {
        var limits = RPCServerLimits()
        limits.authenticationTimeout = HangLimit.wait
        limits.keepAlive = HangLimit.wait
        limits.streamDrain = HangLimit.wait
        limits.drain = HangLimit.wait
        return limits
    }

    static var clientLimits: RPCClientLimits {
        var limits = RPCClientLimits()
        limits.connectTimeout = HangLimit.wait
        limits.keepAlive = HangLimit.wait
        return limits
    }

    /// Runs `body` beside a running server, then stops the server.
    static func with<R: Sendable>(
        port: Int = 0,
        limits: RPCServerLimits = RPCFixture.limits,
        clientLimits: RPCClientLimits = RPCFixture.clientLimits,
        token: String? = nil,
        authenticate: @escaping RPCServer.Authenticate = RPCFixture.authenticate,
        _ body: @Sendable (RPCFixture) async throws -> R
    ) async throws -> R {
        let texts = Texts()
        let server = server(texts, port: port, limits: limits, authenticate: authenticate)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: Logger(label: "test")
            )
        )
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try await server.boundPort()
            let connection = connect(to: port, limits: clientLimits, token: token)
            let fixture = RPCFixture(port: port, texts: texts, server: server, connection: connection, group: group)
            let result = try await body(fixture)
            texts.release.fire()
            await connection.close()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }

    static func server(
        _ texts: Texts,
        port: Int,
        limits: RPCServerLimits,
        budget: ListenerBudget = .process,
        runtime: Runtime = .system,
        authenticate: @escaping RPCServer.Authenticate = RPCFixture.authenticate
    ) -> RPCServer {
        RPCServer(
            contracts: [.texts(texts)],
            host: "127.0.0.1",
            port: port,
            limits: limits,
            budget: budget,
            runtime: runtime,
            logger: Logger(label: "test"),
            authenticate: authenticate
        )
    }

    static func connect(
        to port: Int,
        limits: RPCClientLimits = RPCFixture.clientLimits,
        token: String? = nil
    ) -> RPCConnection {
        var authorization: (@Sendable (CallContext) async throws -> String?)?
        if let token { authorization = { _ in "Bearer \(token)" } }
        return RPCConnection(
            host: "127.0.0.1",
            port: port,
            limits: limits,
            runtime: .system,
            authorization: authorization
        )
    }

    static func authenticate(_ headers: CallHeaders, from peer: PeerIdentity?) throws -> CallAuthentication {
        switch headers.bearerToken {
        case nil: .anonymous
        case "user": .known(Principal(user: "u1", scopes: ["texts:read"]))
        case "service": .known(Principal(service: "parcels", for: .itself))
        default: throw Fault(.unauthenticated, .unauthenticated, "the token is not valid")
        }
    }

    func unary(
        _ method: MethodDescriptor,
        _ text: String,
        context: CallContext = CallContext()
    ) async throws -> String {
        let answer: Text = try await connection.unary(method, Text(text), context: context)
        return answer.value
    }

    /// The fault of a call that must fail.
    func fault(
        _ method: MethodDescriptor,
        _ text: String = "",
        context: CallContext = CallContext()
    ) async throws -> Fault? {
        do {
            _ = try await unary(method, text, context: context)
            return nil
        } catch {
            return Fault(describing: error)
        }
    }
}
