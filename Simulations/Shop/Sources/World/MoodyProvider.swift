import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import ProviderContract
import Synchronization

/// The payment provider on a bad day: it fails once, and repeats that failure for the same key, whether it had acted or not.
final class MoodyProvider: ForwardingChannel {
    let channel: any RPCChannel
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let stored = Mutex<Set<String>>([])

    init(_ channel: any RPCChannel, faults: FaultInjector, entropy: any Entropy) {
        self.channel = channel
        self.faults = faults
        self.entropy = entropy
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        guard let key = context.idempotencyKey else { return try await channel.unary(method, request, context) }
        let failure = Fault(.internal, "provider.stored_failure", "the provider failed, and will say so again")
        if stored.withLock({ $0.contains(key) }) { throw failure }
        guard faults.happens(.storedFailure) else { return try await channel.unary(method, request, context) }
        _ = stored.withLock { $0.insert(key) }
        if entropy.number(below: 2) == 0 {
            let _: Response = try await channel.unary(method, request, context)
        }
        throw failure
    }
}
