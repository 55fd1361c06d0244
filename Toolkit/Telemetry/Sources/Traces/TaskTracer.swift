import MartletCore
import Tracing

/// The tracer of swift-distributed-tracing: that of the running task's service.
///
/// `withSpan` in a service's code begins a span within the trace of its request; without a service that records, it does
/// nothing.
struct TaskTracer: Tracer {
    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> InstrumentationContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> TaskSpan {
        let context = context()
        guard let tracer = ServiceTracer.current,
            let caller = context[TraceContextKey.self] ?? TraceContext.current,
            let span = tracer.begin(EndedSpan.Kind(kind), after: caller, name: operationName).span
        else { return TaskSpan(span: nil, context: context) }
        var own = context
        own[TraceContextKey.self] = span.trace
        return TaskSpan(span: span, context: own)
    }

    /// Spans are exported as they end.
    func forceFlush() {}

    /// Nothing: the toolkit reads and writes the headers of requests itself.
    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {}

    /// Nothing: the toolkit reads and writes the headers of requests itself.
    func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {}
}

extension EndedSpan.Kind {
    init(_ kind: SpanKind) {
        switch kind {
        case .server: self = .server
        case .client: self = .client
        case .producer: self = .producer
        case .consumer: self = .consumer
        case .internal: self = .internal
        }
    }
}
