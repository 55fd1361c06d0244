package import MartletCore
import Tracing

/// A piece of work and its place in a trace; recorded or not.
package struct SpanScope: Sendable {
    /// For what the work calls, sends and logs.
    package let trace: TraceContext
    /// `nil` when the work is not recorded.
    package let span: ServiceSpan?

    init(trace: TraceContext, span: ServiceSpan?) {
        self.trace = trace
        self.span = span
    }

    /// Work that is not recorded, after `caller`; in a new trace without one.
    package init(unrecordedAfter caller: TraceContext?, _ entropy: some Entropy) {
        self.init(trace: .unrecorded(after: caller, entropy), span: nil)
    }

    /// Runs `body` in this place of the trace, and does not end the span.
    ///
    /// What is nested in recorded work is recorded by the same tracer, until the scope of another service.
    package func run<R>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> R
    ) async rethrows -> R {
        guard let span else { return try await TraceContext.$current.withValue(trace) { try await body() } }
        return try await ServiceTracer.$current.withValue(span.tracer) {
            try await InstrumentationContext.$current.withValue(span.context) {
                try await TraceContext.$current.withValue(trace) { try await body() }
            }
        }
    }

    /// Runs `body` in this place of the trace, and does not end the span.
    package func run<R>(_ body: () throws -> R) rethrows -> R {
        guard let span else { return try TraceContext.$current.withValue(trace) { try body() } }
        return try ServiceTracer.$current.withValue(span.tracer) {
            try InstrumentationContext.$current.withValue(span.context) {
                try TraceContext.$current.withValue(trace) { try body() }
            }
        }
    }

    /// Runs `body` in this place of the trace, and ends the span with its error.
    package func finish<R>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> R
    ) async throws -> R {
        guard let span else { return try await TraceContext.$current.withValue(trace) { try await body() } }
        do {
            let result = try await run { try await body() }
            span.end(nil)
            return result
        } catch {
            span.end(error)
            throw error
        }
    }
}
