import Logging
public import MartletContract
public import MartletCore
public import MartletTelemetry

/// A channel to one peer behind a ``CallPolicy``.
///
/// The deadline is set here and enforced by the channel below.
public struct PolicyChannel: RPCChannel {
    private let peer: String
    private let channel: any RPCChannel
    private let policy: CallPolicy
    private let budget: RetryBudget
    private let breaker: CircuitBreaker
    private let bulkhead: Bulkhead
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
        let breaker = CircuitBreaker(
            failuresLimit: policy.failuresLimit,
            openDuration: policy.circuitOpenDuration,
            time: runtime.time
        )
        self.breaker = breaker
        bulkhead = Bulkhead(runningLimit: policy.runningLimit, waitingLimit: policy.waitingLimit, time: runtime.time)
        self.metrics = CallMetrics(peer: peer, registry: metrics)
        metrics.read(
            "martlet_client_circuit_open",
            help: "1 while calls to the peer are refused.",
            labels: ["peer": peer]
        ) {
            breaker.isOpen ? 1 : 0
        }
    }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        let context = prepared(context)
        let isRepeatable = method.idempotent || context.idempotencyKey != nil
        budget.called()
        var attempt = 1
        while true {
            do {
                return try await self.attempt(method, context) { try await channel.unary(method, request, context: $0) }
            } catch {
                let fault = Fault(describing: error)
                let left = context.deadline.map { $0 - runtime.time.now }
                let delay = policy.retry.delay(
                    after: attempt,
                    fault,
                    isRepeatable: isRepeatable,
                    fraction: runtime.entropy.fraction(),
                    left: left
                )
                guard context.mayRetry, let delay, budget.takeRetry() else { throw fault }
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
        return try await attempt(method, traced) { try await channel.serverStream(method, request, context: $0) }
    }

    private func attempt<R: Sendable>(
        _ method: MethodDescriptor,
        _ context: CallContext,
        call: (CallContext) async throws -> R
    ) async throws -> R {
        try await bulkhead.run(until: context.deadline) {
            try await breaker.run(classifying: Self.classify) {
                let start = runtime.time.now
                do {
                    let result = try await call(context)
                    metrics.called(method, nil, took: runtime.time.now - start)
                    return result
                } catch {
                    metrics.called(method, Fault(describing: error).code, took: runtime.time.now - start)
                    throw error
                }
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

    /// How an error counts for the circuit breaker.
    static func classify(_ error: any Error) -> CircuitBreaker.Classification {
        if error is CancellationError { return .ignored }
        switch Fault(describing: error).code {
        case .unavailable, .deadlineExceeded, .internal, .unknown, .dataLoss: return .failure
        case .cancelled: return .ignored
        default: return .success
        }
    }
}
