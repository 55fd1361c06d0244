import MartletContract
import MartletCore
import MartletDiscovery
import MartletRPC
import Synchronization

/// Calls a service in other processes: round-robin over its registered instances, with one connection to each.
final class RemoteChannel: RPCChannel {
    private let balancer: Balancer
    private let connect: @Sendable (Address) -> RPCConnection
    private let connections = Mutex<[Address: RPCConnection]>([:])
    private let registry: any Registry
    private let service: String

    init(to service: String, in registry: any Registry, connect: @escaping @Sendable (Address) -> RPCConnection) {
        balancer = Balancer(for: service, in: registry)
        self.service = service
        self.registry = registry
        self.connect = connect
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        try await connection().unary(method, request, context: context)
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await connection().serverStream(method, request, context: context)
    }

    private func connection() async throws -> RPCConnection {
        guard let address = try await balancer.pick(where: { $0.grpc != nil }).grpc else {
            throw Fault.notProcessed("\(service) has no address")
        }
        if let existing = connections.withLock({ $0[address] }) { return existing }
        try await retireUnlisted()
        return connections.withLock { connections in
            if let existing = connections[address] { return existing }
            let made = connect(address)
            connections[address] = made
            return made
        }
    }

    /// Retires connections to instances that are no longer registered; called before each new connection.
    ///
    /// Open calls continue: a draining instance has left the registry and still responds.
    private func retireUnlisted() async throws {
        let listed = Set(try await registry.resolve(service).compactMap(\.grpc))
        let unlisted = connections.withLock { connections in
            let unlisted = connections.filter { !listed.contains($0.key) }
            for address in unlisted.keys { connections[address] = nil }
            return unlisted.sorted { $0.key < $1.key }.map(\.value)
        }
        for connection in unlisted { connection.retire() }
    }
}
