import MartletContract
import MartletCore
import MartletSimulation
import ProviderContract
import Synchronization

/// The payment provider on a bad day: it fails once, and repeats that failure for the same key, whether it had acted or not.
final class MoodyProvider: RPCChannel {
    private let provider: any RPCChannel
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let stored = Mutex<Set<String>>([])

    init(_ provider: any RPCChannel, faults: FaultInjector, entropy: any Entropy) {
        self.provider = provider
        self.faults = faults
        self.entropy = entropy
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        guard let key = context.idempotencyKey else { return try await provider.unary(method, request, context) }
        let failure = Fault(.internal, "provider.stored_failure", "the provider failed, and will say so again")
        if stored.withLock({ $0.contains(key) }) { throw failure }
        guard faults.happens(.storedFailure) else { return try await provider.unary(method, request, context) }
        _ = stored.withLock { $0.insert(key) }
        if entropy.number(below: 2) == 0 {
            let _: Response = try await provider.unary(method, request, context)
        }
        throw failure
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await provider.serverStream(method, request, context)
    }
}
