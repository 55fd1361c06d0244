import MartletContract
import MartletCore
import MartletDiscovery
import MartletRPC
import Synchronization

/// Calls a service in other processes: asks the registry for its instances, takes them in turn, keeps a connection to each.
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
        _ context: CallContext
    ) async throws -> Response {
        try await connection().unary(method, request, context)
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await connection().serverStream(method, request, context)
    }

    private func connection() async throws -> RPCConnection {
        guard let address = try await balancer.pick(where: { $0.grpc != nil }).grpc else {
            throw Fault.notProcessed("\(service) has no address")
        }
        if let known = connections.withLock({ $0[address] }) { return known }
        try await retireGone()
        return connections.withLock { connections in
            if let known = connections[address] { return known }
            let made = connect(address)
            connections[address] = made
            return made
        }
    }

    /// Retires connections to instances that are no longer listed, before a new one is made: that is when lists change.
    ///
    /// Open calls go on: an instance that drains has left the list and answers them still.
    private func retireGone() async throws {
        let listed = Set(try await registry.resolve(service).compactMap(\.grpc))
        let gone = connections.withLock { connections in
            let gone = connections.filter { !listed.contains($0.key) }
            for address in gone.keys { connections[address] = nil }
            return gone.sorted { $0.key < $1.key }.map(\.value)
        }
        for connection in gone { connection.retire() }
    }
}
