package import MartletCore
package import MartletTelemetry

/// A tracer for tests that records every trace, and what it has recorded.
package struct RecordedSpans: Sendable {
    package let tracer: ServiceTracer
    /// A sampled caller in another process.
    package let caller: TraceContext
    private let buffer: SpanBuffer

    package init(of service: String = "test", runtime: Runtime) {
        let dropped = MetricsRegistry(service: service).counter("dropped_total", help: "Dropped spans.")
        buffer = SpanBuffer(limit: 1_000, batch: 1_000, dropped: dropped)
        tracer = ServiceTracer(
            service: service,
            runtime: runtime,
            sampling: .following(share: 1),
            spans: buffer,
            attributes: []
        )
        caller = .root(runtime.entropy, sampled: true)
    }

    /// The spans that have ended since the last call, in the order of their ends.
    package func take() -> [EndedSpan] { buffer.take() }

    /// Runs `body` as a handler of the service within the caller's trace.
    package func within<R>(_ body: () async throws -> R) async rethrows -> R {
        try await ServiceTracer.$current.withValue(tracer) {
            try await TraceContext.$current.withValue(caller) { try await body() }
        }
    }
}
