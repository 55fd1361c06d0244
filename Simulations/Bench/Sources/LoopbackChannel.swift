import MartletContract
import MartletCore
import MartletRPC
import MartletSecurity
import Synchronization

/// Calls the host on 127.0.0.1, whose port is known once it listens, with the caller's token.
final class LoopbackChannel: RPCChannel {
    private static let tokenLifetime = Duration.seconds(3_600)
    /// The callee that services' tokens name: all services run in one host.
    static let host = "bench"

    private let runtime: Runtime
    private let issuer: LocalIssuer
    private let connection = Mutex<RPCConnection?>(nil)

    init(runtime: Runtime, issuer: LocalIssuer) {
        self.runtime = runtime
        self.issuer = issuer
    }

    func connect(to port: Int) {
        let issuer = issuer
        let made = RPCConnection(
            host: "127.0.0.1",
            port: port,
            limits: RPCClientLimits(),
            runtime: runtime,
            authorization: { try await Self.authorization(of: $0.principal, by: issuer) }
        )
        connection.withLock { $0 = made }
    }

    func close() async { await connection.withLock { $0 }?.close() }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        try await connected().unary(method, request, context: context)
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await connected().serverStream(method, request, context: context)
    }

    private func connected() throws -> RPCConnection {
        guard let connection = connection.withLock({ $0 }) else { throw Fault.notProcessed("the host is starting") }
        return connection
    }

    private static func authorization(of principal: Principal, by issuer: LocalIssuer) async throws -> String? {
        switch principal.kind {
        case .anonymous: nil
        case .user:
            "Bearer "
                + (try await issuer.userToken(
                    principal.id.text,
                    scopes: principal.scopes.sorted().map(\.text),
                    lifetime: tokenLifetime
                ))
        case .service:
            "Bearer " + (try await issuer.serviceToken(principal.id.text, to: host, lifetime: tokenLifetime))
        }
    }
}
