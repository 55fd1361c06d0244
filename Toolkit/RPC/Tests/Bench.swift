import Logging
import MartletContract
import MartletCore
import MartletRPC
import ServiceLifecycle

/// A server with the test's contract on a free port and a connection to it, for the time of a test.
func withServer<R: Sendable>(
    limits: RPCServerLimits = RPCServerLimits(),
    clientLimits: RPCClientLimits = RPCClientLimits(),
    authorization: (@Sendable (CallContext) async throws -> String?)? = nil,
    _ body: @Sendable (Bench) async throws -> R
) async throws -> R {
    let server = RPCServer(
        contracts: [.texts(Texts())],
        host: "127.0.0.1",
        port: 0,
        limits: limits,
        time: SystemTime(),
        entropy: SystemEntropy(),
        logger: Logger(label: "test")
    ) { headers in
        switch headers.bearerToken {
        case nil: .anonymous
        case "user": Principal(kind: .user, id: "u1", scopes: ["texts:read"])
        case "service": Principal(kind: .service, id: "orders", scopes: [])
        default: throw Fault(.unauthenticated, .unauthenticated, "the token is not valid")
        }
    }
    let group = ServiceGroup(
        configuration: .init(
            services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
            logger: Logger(label: "test")
        )
    )
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let port = try await server.boundPort()
        let connection = RPCConnection(
            host: "127.0.0.1",
            port: port,
            limits: clientLimits,
            time: SystemTime(),
            entropy: SystemEntropy(),
            authorization: authorization
        )
        let result = try await body(Bench(port: port, server: server, connection: connection, group: group))
        await connection.close()
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return result
    }
}

struct Bench: Sendable {
    let port: Int
    let server: RPCServer
    let connection: RPCConnection
    let group: ServiceGroup
}

enum TextMethods {
    static let service = "martlet.test.Texts"
    static let echo = method("Echo")
    static let slow = method("Slow")
    static let many = method("Many")
    static let refuse = method("Refuse")
    static let about = method("About")
    static let guarded = method("Guarded", scope: "texts:read")
    static let admin = method("Admin", scope: "texts:admin")

    static func method(_ name: String, scope: String = "") -> MethodDescriptor {
        MethodDescriptor(service: service, name: name, idempotent: true, writes: false, scope: scope, http: [])
    }
}

/// The handler that the tests call.
struct Texts: Sendable {
    func refusal() -> Fault {
        var fault = Fault(
            .failedPrecondition,
            "texts.no",
            "ni\u{00E9}t – 100 %",
            field: "value",
            retryAfter: .milliseconds(1_500)
        )
        fault.cause = CancellationError()
        return fault
    }
}

extension ServedContract {
    static func texts(_ handler: Texts) -> ServedContract {
        var contract = ServedContract(name: TextMethods.service, openAPI: "")
        contract.on(TextMethods.echo) { (request: Text, _) in request }
        contract.on(TextMethods.guarded) { (request: Text, _) in request }
        contract.on(TextMethods.admin) { (request: Text, _) in request }
        contract.on(TextMethods.refuse) { (request: Text, _) -> Text in throw handler.refusal() }
        contract.on(TextMethods.slow) { (request: Text, context) -> Text in
            try await SystemTime().sleep(for: .seconds(60))
            return request
        }
        contract.on(TextMethods.about) { (_: Text, context) in
            let facts = [
                context.idempotencyKey ?? "-", context.principal.subject, context.metadata["x-colour"] ?? "-",
                context.metadata["x-raw-bin"] ?? "-", TraceContext.current?.traceID ?? "-",
                context.deadline == nil ? "no deadline" : "deadline",
            ]
            return Text(facts.joined(separator: "|"))
        }
        contract.onStream(TextMethods.many) { (request: Text, _) in
            let left = Countdown(Int(request.value) ?? 0)
            return ResponseStream { left.tick().map { Text("\($0)") } }
        }
        return contract
    }
}
