public import Logging
public import MartletCore

/// One service's log, metrics and spans, bound to its tasks: one process can host several services.
public struct Telemetry: Sendable {
    public let service: String
    public let logger: Logger
    public let metrics: MetricsRegistry
    /// Begins its spans; `nil`: none is recorded.
    package var tracer: ServiceTracer?

    public init(service: String, logger: Logger, metrics: MetricsRegistry) {
        self.service = service
        self.logger = logger
        self.metrics = metrics
    }

    /// Logs as JSON lines to `output`, with metrics that carry the label `service`.
    public init(service: String, level: Logger.Level, time: any TimeSource, output: LogOutput = .standardError) {
        let handler = JSONLogHandler(service: service, label: service, level: level, time: time, output: output)
        self.init(
            service: service,
            logger: Logger(label: service) { _ in handler },
            metrics: MetricsRegistry(service: service)
        )
    }

    /// Runs `body` with `Logger.current`, ``MetricsRegistry/current`` and the tracer of this service.
    public func scope<R>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> R
    ) async rethrows -> R {
        try await MetricsRegistry.$current.withValue(metrics) {
            try await withLogger(logger) { _ in
                // Also where nothing is recorded, since the task may be one of another service.
                guard tracer != nil || ServiceTracer.current != nil else { return try await body() }
                return try await ServiceTracer.$current.withValue(tracer) { try await body() }
            }
        }
    }

    /// Runs `body` in the scope of this service; see ``scope(isolation:_:)``.
    public func scope<R>(_ body: () throws -> R) rethrows -> R {
        try MetricsRegistry.$current.withValue(metrics) {
            try withLogger(logger) { _ in
                guard tracer != nil || ServiceTracer.current != nil else { return try body() }
                return try ServiceTracer.$current.withValue(tracer) { try body() }
            }
        }
    }
}
