/// The two RPC implementations that are compared.
enum Wire: String, CaseIterable {
    case martlet
    case grpcSwift = "grpc-swift"

    static let service = "martlet.bench.EchoService"
    static let method = "Echo"

    /// Serves the echo on a free port of this machine until the task is cancelled.
    func serve(_ bound: @escaping @Sendable (Int) -> Void) async throws {
        switch self {
        case .martlet: try await MartletEcho.serve(bound)
        case .grpcSwift: try await GRPCSwiftEcho.serve(bound)
        }
    }

    /// Runs `body` with a function that makes one call, on one connection.
    func withCalls(
        _ port: Int,
        _ body: @Sendable (_ call: @escaping @Sendable (Text) async throws -> Text) async throws -> Void
    ) async throws {
        switch self {
        case .martlet: try await MartletEcho.withCalls(port, body)
        case .grpcSwift: try await GRPCSwiftEcho.withCalls(port, body)
        }
    }
}
