import Logging
import MartletContract
import MartletCore
import MartletTelemetry

/// Runs served calls in the service's telemetry scope, counts them, and logs failures.
///
/// The REST and gRPC edges write the access log.
struct CallObservation: Sendable {
    private let telemetry: Telemetry
    private let time: any TimeSource

    init(_ telemetry: Telemetry, time: any TimeSource) {
        self.telemetry = telemetry
        self.time = time
    }

    func observe(_ contract: ServedContract) -> ServedContract {
        contract.mapForms { method, form in
            let instruments = Self.instruments(of: method, in: telemetry.metrics)
            return switch form {
            case .unary(let handle):
                .unary { request, context in
                    try await observed(method, context, by: instruments) { try await handle(request, $0) }
                }
            case .serverStream(let handle):
                .serverStream { request, context in
                    let stream = try await observed(method, context, by: instruments) { try await handle(request, $0) }
                    return ResponseStream { try await telemetry.scope { try await stream.pull() } }
                }
            }
        }
    }

    /// The span of a stream ends when it is open.
    private func observed<R>(
        _ method: MethodDescriptor,
        _ context: CallContext,
        by instruments: Instruments,
        call: (CallContext) async throws -> R
    ) async throws -> R {
        try await telemetry.scope {
            guard let scope = scope(of: method, context) else {
                // A gRPC server has set it already.
                if TraceContext.current == context.trace {
                    return try await counted(method, context, span: nil, by: instruments, call: call)
                }
                return try await TraceContext.$current.withValue(context.trace) {
                    try await counted(method, context, span: nil, by: instruments, call: call)
                }
            }
            var context = context
            context.trace = scope.trace
            let inner = context
            return try await scope.run {
                try await counted(method, inner, span: scope.span, by: instruments, call: call)
            }
        }
    }

    private func counted<R>(
        _ method: MethodDescriptor,
        _ context: CallContext,
        span: ServiceSpan?,
        by instruments: Instruments,
        call: (CallContext) async throws -> R
    ) async throws -> R {
        let start = time.now
        do {
            let result = try await call(context)
            finished(method, nil, after: time.now - start, by: instruments)
            finish(span, nil)
            return result
        } catch {
            let fault = Fault(describing: error)
            finished(method, fault, after: time.now - start, by: instruments)
            finish(span, fault)
            throw error
        }
    }

    /// `nil` for a call that is not recorded: its place is that from which it arrived.
    private func scope(of method: MethodDescriptor, _ context: CallContext) -> SpanScope? {
        guard let tracer = telemetry.tracer, let caller = context.trace, caller.sampled else { return nil }
        // What arrived over REST is a part of its request, which has a span here.
        let isPart = caller.isOpen
        let scope = tracer.begin(isPart ? .internal : .server, after: caller, name: method.spanName)
        if !isPart { scope.span?.set(.rpcSystemName, "grpc") }
        scope.span?.set(.rpcMethod, method.spanName)
        return scope
    }

    private func finish(_ span: ServiceSpan?, _ fault: Fault?) {
        guard let span else { return }
        span.set(.rpcResponseStatusCode, fault?.code.statusName ?? "OK")
        if let fault, fault.code.isServerFailure { span.fail(fault.reason.name) }
        span.end(nil)
    }

    private func finished(
        _ method: MethodDescriptor,
        _ fault: Fault?,
        after duration: Duration,
        by instruments: Instruments
    ) {
        instruments[fault?.code].record(duration)
        let logger = Logger.current
        if let fault, fault.code == .internal || fault.code == .unknown {
            let cause = fault.cause ?? fault
            logger.error("call failed", error: cause, metadata: Self.facts(method, fault, after: duration))
        } else {
            // Built only where the level is on.
            logger.debug("call completed", metadata: Self.facts(method, fault, after: duration))
        }
    }

    private static func facts(_ method: MethodDescriptor, _ fault: Fault?, after duration: Duration) -> Logger.Metadata
    {
        let code = fault.map { "\($0.code)" } ?? "ok"
        var facts: Logger.Metadata = [
            "method": "\(method.path)", "code": "\(code)", "ms": "\(duration.milliseconds)",
        ]
        if let fault { facts["reason"] = "\(fault.reason)" }
        return facts
    }

    /// Of one method, by outcome; `nil` is success.
    private typealias Instruments = ResolvedInstruments<FaultCode?, TimedInstruments>

    private static func instruments(of method: MethodDescriptor, in metrics: MetricsRegistry) -> Instruments {
        let name = method.path
        return ResolvedInstruments { code in
            TimedInstruments(
                count: metrics.counter(
                    "martlet_server_calls_total",
                    help: "Calls served, by outcome.",
                    labels: ["method": name, "code": code.map { "\($0)" } ?? "ok"]
                ),
                seconds: metrics.histogram(
                    "martlet_server_call_seconds",
                    help: "Duration of served calls.",
                    labels: ["method": name]
                )
            )
        }
    }
}
