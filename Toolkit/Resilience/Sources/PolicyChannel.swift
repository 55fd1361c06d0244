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
        let (context, span) = prepared(context, for: method)
        let isRepeatable = method.idempotent || context.idempotencyKey != nil
        let caller = context.principal.subject
        budget.called(by: caller)
        var attempt = 1
        while true {
            do {
                let response: Response = try await self.attempt(method, context, isUnary: true) {
                    try await channel.unary(method, request, context: $0)
                }
                finish(span, nil, attempts: attempt)
                return response
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
                guard context.mayRetry, let delay, budget.takeRetry(for: caller) else {
                    finish(span, fault, attempts: attempt)
                    throw fault
                }
                metrics.retries.add()
                Logger.current.debug(
                    "call failed, will retry",
                    metadata: [
                        "peer": "\(peer)", "method": "\(method.path)", "attempt": "\(attempt)", "retry.in": "\(delay)",
                        "reason": "\(fault.reason)",
                    ]
                )
                do { try await runtime.time.sleep(for: delay) } catch {
                    finish(span, Fault(describing: error), attempts: attempt)
                    throw error
                }
                attempt += 1
            }
        }
    }

    /// A stream is opened once, has only the caller's deadline, and holds no bulkhead slot while it is read.
    ///
    /// Its span ends when it is open.
    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        var traced = context
        let scope = begin(context, for: method)
        traced.trace = scope.trace
        do {
            let stream: ResponseStream<Response> = try await attempt(method, traced, isUnary: false) {
                try await channel.serverStream(method, request, context: $0)
            }
            finish(scope.span, nil, attempts: 1)
            return stream
        } catch {
            finish(scope.span, Fault(describing: error), attempts: 1)
            throw error
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

    private func prepared(
        _ context: CallContext,
        for method: MethodDescriptor
    ) -> (context: CallContext, span: ServiceSpan?) {
        var context = context
        context.deadline = context.deadline ?? runtime.time.now + policy.timeout
        let scope = begin(context, for: method)
        context.trace = scope.trace
        return (context, scope.span)
    }

    /// A new place in the caller's trace, or in a new one: that of the call with all of its attempts.
    private func begin(_ context: CallContext, for method: MethodDescriptor) -> SpanScope {
        let caller = context.trace?.innermost ?? TraceContext.innermost
        let scope = ServiceTracer.begin(.client, after: caller, runtime.entropy, name: method.spanName)
        guard let span = scope.span else { return scope }
        span.set(.rpcSystemName, "grpc")
        span.set(.rpcMethod, method.spanName)
        span.set(.serverAddress, peer)
        return scope
    }

    private func finish(_ span: ServiceSpan?, _ fault: Fault?, attempts: Int) {
        guard let span else { return }
        span.set(.rpcResponseStatusCode, fault?.code.statusName ?? "OK")
        if attempts > 1 { span.set(.attempts, attempts) }
        span.end(fault)
    }
}
