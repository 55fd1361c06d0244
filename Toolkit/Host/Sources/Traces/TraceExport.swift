package import MartletCore
import MartletREST
package import MartletTelemetry

/// The spans of one process: makes the tracers of its services, and exports what they record.
package struct TraceExport: Sendable {
    private let settings: TraceSettings
    private let runtime: Runtime
    private let isEdge: Bool
    private let buffer: SpanBuffer?
    private let exporter: SpanExporter?
    private let http: HTTP1Client?

    /// - Parameters:
    ///   - settings: Where to, and which.
    ///   - instance: The name of the process among the replicas of its services.
    ///   - isEdge: Whether callers are unknown, so that their decisions about recording do not count.
    ///   - runtime: The clocks and the random numbers.
    ///   - metrics: Those of the process.
    package init(
        _ settings: TraceSettings,
        instance: String,
        isEdge: Bool,
        runtime: Runtime,
        metrics: MetricsRegistry
    ) {
        self.settings = settings
        self.runtime = runtime
        self.isEdge = isEdge
        guard let collector = settings.collector else {
            (buffer, exporter, http) = (nil, nil, nil)
            return
        }
        let limits = SpanExporter.Limits()
        let counters = SpanMetrics(in: metrics)
        let client = HTTP1Client(limits: .standard)
        let buffer = SpanBuffer(limit: limits.waiting, batch: limits.batch, dropped: counters.overflowed)
        exporter = SpanExporter(
            of: buffer,
            instance: instance,
            limits: limits,
            runtime: runtime,
            metrics: counters,
            send: { body, timeout in try await Self.send(body, to: collector, by: client, within: timeout, limits) }
        )
        self.buffer = buffer
        http = client
    }

    /// The tracer of one of the process's services.
    package func tracer(of service: String) -> ServiceTracer {
        let share = buffer == nil ? 0 : settings.share
        return ServiceTracer(
            service: service,
            runtime: runtime,
            sampling: isEdge ? .deciding(share: share) : .following(share: share),
            spans: buffer,
            attributes: settings.attributes
        )
    }

    /// The tracer of a service for its ``Telemetry``; `nil` when nothing is recorded.
    package func recording(_ service: String) -> ServiceTracer? { buffer == nil ? nil : tracer(of: service) }

    /// Runs `body` and exports its spans meanwhile; what is left at its end within a bound.
    package func whileRunning<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        guard let exporter, let http else { return try await body() }
        ServiceTracer.bootstrap()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await exporter.run() }
            let result: Result<R, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            // It ends by its cancellation alone.
            while await group.nextResult() != nil {}
            await exporter.flush()
            await http.shutdown()
            return try result.get()
        }
    }

    private static func send(
        _ body: [UInt8],
        to collector: CollectorAddress,
        by client: HTTP1Client,
        within timeout: Duration,
        _ limits: SpanExporter.Limits
    ) async throws -> SpanExporter.Answer {
        let response = try await client.send(
            HTTP1Client.post(body, type: "application/x-protobuf", to: collector.path),
            host: collector.host,
            port: collector.port,
            timeout: timeout,
            responseBytesMax: limits.responseBytesMax
        )
        return SpanExporter.Answer(
            status: response.code,
            retryAfter: response.header("retry-after"),
            body: response.bytes
        )
    }
}
