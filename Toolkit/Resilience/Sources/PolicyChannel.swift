import Logging
public import MartletContract
public import MartletCore
public import MartletTelemetry

/// A channel to one peer behind a ``CallPolicy``.
///
/// The deadline is set here and enforced by the channel below, which also chooses among the instances of the peer and keeps
/// their circuits: see `Balancer`.
public struct PolicyChannel: RPCChannel {
    private let peer: String
    private let channel: any RPCChannel
    private let policy: CallPolicy
    private let budget: RetryBudget
    private let bulkhead: Bulkhead
    private let usual: UsualTimes
    private let metrics: CallMetrics
    private let runtime: Runtime

    public init(
        to peer: String,
        over channel: any RPCChannel,
        policy: CallPolicy,
        metrics: MetricsRegistry,
        runtime: Runtime
    ) {
        self.peer = peer
        self.channel = channel
        self.policy = policy
        self.runtime = runtime
        budget = RetryBudget(capacity: policy.retryBurst, deposit: policy.retryShare)
        bulkhead = Bulkhead(runningLimit: policy.runningLimit, waitingLimit: policy.waitingLimit, time: runtime.time)
        usual = UsualTimes(policy)
        self.metrics = CallMetrics(peer: peer, registry: metrics)
    }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        let context = prepared(context)
        let isRepeatable = method.idempotent || context.idempotencyKey != nil
        let caller = context.principal.subject
        budget.called(by: caller)
        var attempt = 1
        while true {
            do {
                return try await self.attempt(method, context, isUnary: true) {
                    try await channel.unary(method, request, context: $0)
                }
            } catch {
                let fault = Fault(describing: error)
                // Less than the call usually takes is no time for another attempt.
                let left = context.deadline.map { $0 - runtime.time.now - usual.median(method) }
                let delay = policy.retry.delay(
                    after: attempt,
                    fault,
                    isRepeatable: isRepeatable,
                    fraction: runtime.entropy.fraction(),
                    left: left
                )
                guard context.mayRetry, let delay, budget.takeRetry(for: caller) else { throw fault }
                metrics.retries.add()
                Logger.current.debug(
                    "call failed, will retry",
                    metadata: [
                        "peer": "\(peer)", "method": "\(method.path)", "attempt": "\(attempt)", "retry.in": "\(delay)",
                        "reason": "\(fault.reason)",
                    ]
                )
                try await runtime.time.sleep(for: delay)
                attempt += 1
            }
        }
    }

    /// A stream is opened once, has only the caller's deadline, and holds no bulkhead slot while it is read.
    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        var traced = context
        traced.trace = trace(context)
        return try await attempt(method, traced, isUnary: false) {
            try await channel.serverStream(method, request, context: $0)
        }
    }

    private func attempt<R: Sendable>(
        _ method: MethodDescriptor,
        _ context: CallContext,
        isUnary: Bool,
        call: (CallContext) async throws -> R
    ) async throws -> R {
        let caller = context.principal.subject
        // A call that can no longer be answered in the time that it usually takes leaves the queue.
        let latest = { context.deadline.map { $0 + (.zero - usual.median(method)) } }
        return try await bulkhead.run(as: caller, until: latest()) {
            let start = runtime.time.now
            do {
                let result = try await call(context)
                let duration = runtime.time.now - start
                // A stream has only been opened.
                if isUnary { usual.succeeded(method, after: duration) }
                metrics.called(method, nil, took: duration)
                return result
            } catch {
                let fault = Fault(describing: error)
                // A refused call was not made.
                if !(fault.cause is CircuitOpen) { metrics.called(method, fault.code, took: runtime.time.now - start) }
                throw error
            }
        }
    }

    private func prepared(_ context: CallContext) -> CallContext {
        var context = context
        context.deadline = context.deadline ?? runtime.time.now + policy.timeout
        context.trace = trace(context)
        return context
    }

    /// A new span of the caller's trace, or a new trace.
    private func trace(_ context: CallContext) -> TraceContext {
        (context.trace ?? TraceContext.current).map { Self.child(of: $0, runtime.entropy) }
            ?? Self.root(runtime.entropy)
    }

    private static func child(of trace: TraceContext, _ entropy: some Entropy) -> TraceContext { trace.child(entropy) }
    private static func root(_ entropy: some Entropy) -> TraceContext { .root(entropy) }
}
