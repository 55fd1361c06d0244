import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import ProviderContract
import Synchronization

/// The payment provider on a bad day: it fails once, and repeats that failure for the same key, whether it had acted or not; or it
/// answers some calls with one key not at all.
final class MoodyProvider: ForwardingChannel {
    /// Calls with one key that stay without an answer: more than a caller tries at once, and at most so many besides.
    private static let silence: UInt64 = 4
    private static let silenceLimit: UInt64 = 6

    let channel: any RPCChannel
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let stored = Mutex<Set<String>>([])
    /// Calls that will have no answer, by key.
    private let silent = Mutex<[String: UInt64]>([:])

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
        if isSilent(for: key) {
            if entropy.number(below: 2) == 0 {
                let _: Response = try await channel.unary(method, request, context)
            }
            throw Fault(.unavailable, .outcomeUnknown, "the provider did not answer")
        }
        guard faults.happens(.storedFailure) else { return try await channel.unary(method, request, context) }
        _ = stored.withLock { $0.insert(key) }
        if entropy.number(below: 2) == 0 {
            let _: Response = try await channel.unary(method, request, context)
        }
        throw failure
    }

    private func isSilent(for key: String) -> Bool {
        let isNew = faults.happens(.answerLost)
        return silent.withLock { silent in
            if isNew, silent[key] == nil { silent[key] = Self.silence + entropy.number(below: Self.silenceLimit) }
            guard let left = silent[key], left > 0 else { return false }
            silent[key] = left - 1
            return true
        }
    }
}
