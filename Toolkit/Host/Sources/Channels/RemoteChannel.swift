import MartletContract
import MartletCore
import MartletDiscovery
import MartletRPC
import MartletResilience
import MartletTelemetry
import Synchronization

/// Calls a service in other processes: its registered instances, with one connection to each.
///
/// A stream is opened at one instance: it may be open before it is connected, so that no other one is tried.
final class RemoteChannel: RPCChannel {
    private let balancer: Balancer
    private let connect: @Sendable (Address) -> RPCConnection
    private let connections = Mutex<[Address: RPCConnection]>([:])
    private let registry: any Registry
    private let service: String

    init(
        to service: String,
        in registry: any Registry,
        policy: CallPolicy,
        metrics: MetricsRegistry,
        runtime: Runtime,
        connect: @escaping @Sendable (Address) -> RPCConnection
    ) {
        balancer = Balancer(for: service, in: registry, policy: policy, runtime: runtime) { $0.grpc != nil }
        balancer.export(to: metrics)
        self.service = service
        self.registry = registry
        self.connect = connect
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        try await balancer.call(method, until: context.deadline) { instance in
            try await connection(to: instance).unary(method, request, context: context)
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await balancer.call(method, isStream: true, until: context.deadline) { instance in
            try await connection(to: instance).serverStream(method, request, context: context)
        }
    }

    private func connection(to instance: Instance) throws -> RPCConnection {
        guard let address = instance.grpc else { throw Fault.notProcessed("\(service) has no address") }
        if let existing = connections.withLock({ $0[address] }) { return existing }
        try retireUnlisted()
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
    private func retireUnlisted() throws {
        let listed = Set(try registry.snapshot(service).compactMap(\.grpc))
        let unlisted = connections.withLock { connections in
            let unlisted = connections.filter { !listed.contains($0.key) }
            for address in unlisted.keys { connections[address] = nil }
            return unlisted.sorted { $0.key < $1.key }.map(\.value)
        }
        for connection in unlisted { connection.retire() }
    }
}
