import MartletContract
import MartletCore
import SimulatedCluster

/// Repeats each call until its outcome is known, with the same idempotency key.
struct RetryingChannel: RPCChannel {
    private let channel: any RPCChannel
    private let runtime: Runtime
    private let retries: ClientRetries

    init(over channel: any RPCChannel, runtime: Runtime, hasFaults: Bool) {
        self.channel = channel
        self.runtime = runtime
        retries = ClientRetries(runtime: runtime, repeatsBugs: hasFaults)
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        var keyed = context
        if method.writes, keyed.idempotencyKey == nil { keyed.idempotencyKey = "\(runtime.identifier())" }
        // A test that sets a deadline tests it.
        guard keyed.deadline == nil else { return try await channel.unary(method, request, context: keyed) }
        return try await retries.run { deadline in
            var attempt = keyed
            attempt.deadline = deadline
            return try await channel.unary(method, request, context: attempt)
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await channel.serverStream(method, request, context: context)
    }
}
