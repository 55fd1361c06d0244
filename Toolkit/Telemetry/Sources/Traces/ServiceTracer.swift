package import MartletCore
import Tracing

/// Begins the spans of one service, and decides which traces are recorded.
///
/// All work that has a place in a trace gets it here. Without a buffer nothing is recorded, and a span costs no more than
/// its trace context.
package final class ServiceTracer: Sendable {
    /// The service's name in its spans.
    package let service: String
    let runtime: Runtime
    private let sampling: TraceSampling
    private let spans: SpanBuffer?
    /// The names of attributes that are exported.
    private let permitted: Set<ExactText>

    /// The tracer of the running task's service; `nil` when it records nothing.
    @TaskLocal package static var current: ServiceTracer?

    /// - Parameters:
    ///   - service: The service's name.
    ///   - runtime: The clocks and the random numbers, of which ids are made.
    ///   - sampling: Which traces are recorded.
    ///   - spans: Gets the spans when they end; `nil` records nothing.
    ///   - attributes: Names of attributes that are exported besides ``SpanAttributeName``.
    package init(
        service: String,
        runtime: Runtime,
        sampling: TraceSampling,
        spans: SpanBuffer?,
        attributes: [ExactText]
    ) {
        self.service = service
        self.runtime = runtime
        self.sampling = sampling
        self.spans = spans
        permitted = Set(attributes + SpanAttributeName.allCases.map { ExactText($0.rawValue) })
    }

    /// Records nothing.
    ///
    /// - Parameter isEdge: Whether the decisions of callers do not count, either.
    package convenience init(offFor service: String, runtime: Runtime, isEdge: Bool) {
        self.init(
            service: service,
            runtime: runtime,
            sampling: TraceSampling(share: 0, isEdge: isEdge),
            spans: nil,
            attributes: []
        )
    }

    package var records: Bool { spans != nil }

    /// Has `withSpan` of swift-distributed-tracing begin spans of the running task's service: once, at the start of a process.
    package static func bootstrap() { InstrumentationSystem.bootstrap(TaskTracer()) }

    /// The place of a caller outside of this process, whose decision about the recording may not count.
    package func received(_ caller: TraceContext?) -> TraceContext? {
        guard sampling.isEdge, let caller else { return caller }
        return caller.sampled(sampling.decides(runtime.entropy))
    }

    /// Begins work after `caller`; in a new trace without one.
    ///
    /// - Parameters:
    ///   - kind: The part that the work plays in a communication.
    ///   - caller: Where the work was asked for.
    ///   - name: Of a small set; made only when the work is recorded.
    package func begin(
        _ kind: EndedSpan.Kind,
        after caller: TraceContext?,
        name: @autoclosure () -> String
    ) -> SpanScope {
        guard let spans else {
            return SpanScope(trace: .unrecorded(after: caller, runtime.entropy), span: nil)
        }
        guard let caller else {
            let trace = TraceContext.root(runtime.entropy, sampled: sampling.decides(runtime.entropy))
            return scope(kind, trace, parent: nil, links: [], spans: spans, name: name)
        }
        guard caller.sampled else { return SpanScope(trace: caller.child(runtime.entropy), span: nil) }
        let trace = caller.child(runtime.entropy)
        return scope(kind, trace, parent: caller.spanBits, links: [], spans: spans, name: name)
    }

    /// Begins a trace that is linked to the sampled one of its cause.
    ///
    /// - Returns: `nil` when it is not recorded.
    package func begin(
        _ kind: EndedSpan.Kind,
        linkedTo cause: TraceContext,
        name: @autoclosure () -> String
    ) -> SpanScope? {
        guard let spans, cause.sampled else { return nil }
        let trace = TraceContext.root(runtime.entropy, sampled: true)
        return scope(kind, trace, parent: nil, links: [cause], spans: spans, name: name)
    }

    /// Begins recorded work within the running task's trace.
    ///
    /// - Returns: `nil` when the trace is not recorded, or there is none.
    package static func nested(_ kind: EndedSpan.Kind, name: @autoclosure () -> String) -> SpanScope? {
        guard let caller = TraceContext.innermost, caller.sampled, let tracer = current else { return nil }
        return tracer.begin(kind, after: caller, name: name())
    }

    /// Begins work after `caller`, also where the running task's service records nothing.
    ///
    /// Without a caller nothing is recorded: what polls and purges is no request.
    package static func begin(
        _ kind: EndedSpan.Kind,
        after caller: TraceContext?,
        _ entropy: any Entropy,
        name: @autoclosure () -> String
    ) -> SpanScope {
        guard let caller, let current else { return SpanScope(unrecordedAfter: caller, entropy) }
        return current.begin(kind, after: caller, name: name())
    }

    private func scope(
        _ kind: EndedSpan.Kind,
        _ trace: TraceContext,
        parent: UInt64?,
        links: [TraceContext],
        spans: SpanBuffer,
        name: () -> String
    ) -> SpanScope {
        guard trace.sampled else { return SpanScope(trace: trace, span: nil) }
        let span = ServiceSpan(
            name(),
            kind,
            trace: trace,
            parent: parent,
            links: links,
            tracer: self,
            spans: spans
        )
        return SpanScope(trace: trace, span: span)
    }

    func permits(_ name: String) -> Bool { permitted.contains(ExactText(name)) }

    /// The wall clock, since 1970; 0 before it.
    var wallNanoseconds: UInt64 { UInt64(max(0, runtime.time.date.microseconds)) &* 1_000 }
}

extension TraceContext {
    /// Of the innermost span of the running task, also of one that an author of a service has begun.
    package static var innermost: TraceContext? { current?.innermost }

    /// Whether it is the place of the innermost span of the running task.
    package var isOpen: Bool { sampled && InstrumentationContext.current?[TraceContextKey.self] == self }

    /// The innermost span of the running task when it belongs to this trace; this place otherwise.
    package var innermost: TraceContext {
        guard sampled, let open = InstrumentationContext.current?[TraceContextKey.self], open.isSameTrace(as: self)
        else {
            return self
        }
        return open
    }
}
