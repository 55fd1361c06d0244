import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import ProviderContract
import SwiftProtobuf
import Synchronization

/// The payment provider with faults: it fails once, and repeats that failure for the same idempotency key, whether it
/// had acted or not; it does not respond to some calls with one key; or it does something else than it was asked for.
final class FaultyPaymentProvider: ForwardingChannel {
    /// Calls with one key that get no response: more than the attempts of one call, plus a random number below the
    /// spread.
    private static let unansweredMin: UInt64 = 4
    private static let unansweredSpread: UInt64 = 6

    let channel: any RPCChannel
    private let faults: FaultInjector
    private let deviations: ProviderDeviations
    private let entropy: any Entropy
    private let failedKeys = Mutex<Set<String>>([])
    /// The remaining calls without a response, by key.
    private let unanswered = Mutex<[String: UInt64]>([:])

    init(
        _ channel: any RPCChannel,
        faults: FaultInjector,
        deviations: ProviderDeviations,
        entropy: any Entropy
    ) {
        self.channel = channel
        self.faults = faults
        self.deviations = deviations
        self.entropy = entropy
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        guard let key = context.idempotencyKey else {
            return try await channel.unary(method, request, context: context)
        }
        let failure = Fault(.internal, "provider.stored_failure", "the provider failed; a repeat will fail too")
        if failedKeys.withLock({ $0.contains(key) }) { throw failure }
        if isUnanswered(for: key) {
            if entropy.number(below: 2) == 0 {
                let _: Response = try await act(method, request, context: context, under: key)
            }
            throw Fault(.unavailable, .outcomeUnknown, "the provider did not respond")
        }
        guard faults.happens(.storedFailure) else {
            return try await act(method, request, context: context, under: key)
        }
        _ = failedKeys.withLock { $0.insert(key) }
        if entropy.number(below: 2) == 0 {
            let _: Response = try await act(method, request, context: context, under: key)
        }
        throw failure
    }

    /// Makes the call, or another one.
    private func act<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext,
        under key: String
    ) async throws -> Response {
        if let create = request as? CreatePaymentRequest {
            let other = deviations.changed(create, under: key, faults: faults, entropy: entropy)
            guard let changed = other as? Request else {
                return try await channel.unary(method, request, context: context)
            }
            let response: Response = try await channel.unary(method, changed, context: context)
            if let created = response as? CreatePaymentResponse { deviations.remember(created.payment) }
            return response
        }
        if let capture = request as? CapturePaymentRequest,
            let payment = deviations.notCaptured(capture.providerID, under: key, faults: faults),
            let response = CapturePaymentResponse.with({ $0.payment = payment }) as? Response
        {
            return response
        }
        return try await channel.unary(method, request, context: context)
    }

    private func isUnanswered(for key: String) -> Bool {
        let isNew = faults.happens(.answerLost)
        return unanswered.withLock { unanswered in
            if isNew, unanswered[key] == nil {
                unanswered[key] = Self.unansweredMin + entropy.number(below: Self.unansweredSpread)
            }
            guard let left = unanswered[key], left > 0 else { return false }
            unanswered[key] = left - 1
            return true
        }
    }
}
