import MartletContract
import MartletCore
import MartletDiscovery

@testable import MartletResilience

/// A peer as the only instance of its service.
struct BalancedPeer: RPCChannel {
    private let peer: any RPCChannel
    private let balancer: Balancer

    init(_ peer: any RPCChannel, policy: CallPolicy, runtime: Runtime) {
        self.peer = peer
        let instance = Instance(id: "parcels-1", http: nil, grpc: nil, operate: nil)
        balancer = Balancer(
            for: "parcels",
            in: StaticRegistry(["parcels": [instance]], time: runtime.time),
            policy: policy,
            runtime: runtime
        )
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        try await balancer.call(method, until: context.deadline) { _ in
            try await peer.unary(method, request, context: context)
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await balancer.call(method, isStream: true, until: context.deadline) { _ in
            try await peer.serverStream(method, request, context: context)
        }
    }
}
