import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf

/// The echo over grpc-swift-2, called as its generated code does.
enum GRPCSwiftEcho {
    private static let echo = GRPCCore.MethodDescriptor(
        fullyQualifiedService: Wire.service,
        method: Wire.method
    )

    private struct Service: RegistrableRPCService {
        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            router.registerHandler(
                forMethod: echo,
                deserializer: ProtobufDeserializer<Text>(),
                serializer: ProtobufSerializer<Text>()
            ) { request, _ in
                let single = try await ServerRequest(stream: request)
                return StreamingServerResponse(single: ServerResponse(message: single.message))
            }
        }
    }

    static func serve(_ bound: @escaping @Sendable (Int) -> Void) async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(
                address: .ipv4(host: "127.0.0.1", port: 0),
                transportSecurity: .plaintext
            ),
            services: [Service()]
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.serve() }
            if let port = try await server.listeningAddress?.ipv4?.port { bound(port) }
            try await tasks.waitForAll()
        }
    }

    static func withCalls(
        _ port: Int,
        _ body: @Sendable (_ call: @escaping @Sendable (Text) async throws -> Text) async throws -> Void
    ) async throws {
        try await withGRPCClient(
            transport: .http2NIOPosix(
                target: .ipv4(address: "127.0.0.1", port: port),
                transportSecurity: .plaintext
            )
        ) { client in
            try await body { text in
                try await client.unary(
                    request: ClientRequest(message: text),
                    descriptor: echo,
                    serializer: ProtobufSerializer<Text>(),
                    deserializer: ProtobufDeserializer<Text>(),
                    options: .defaults
                ) { response in
                    try response.message
                }
            }
        }
    }
}
