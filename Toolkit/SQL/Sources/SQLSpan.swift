import MartletCore
import MartletTelemetry

/// The place of a transaction in its caller's trace: it lasts from the request until the caller is resumed.
struct SQLSpan: Sendable {
    private let trace: TraceContext?
    private let tracer: ServiceTracer?
    /// `nil` when the transaction is not recorded.
    private let scope: SpanScope?

    /// Called by the task that waits for the transaction.
    init(_ name: StaticString) {
        trace = TraceContext.current
        tracer = ServiceTracer.current
        scope = tracer == nil ? nil : ServiceTracer.nested(.client, name: "transaction \(name)")
    }

    /// Runs `body` on the runner's thread as if on the caller's task.
    func run(on connection: any SQLConnection, _ body: () -> Void) {
        guard let tracer else {
            // Without a trace the thread has none, either.
            guard trace != nil else { return body() }
            return TraceContext.$current.withValue(trace) { body() }
        }
        scope?.span?.set(.dbSystemName, connection.dialect.systemName)
        ServiceTracer.$current.withValue(tracer) {
            guard let scope else { return TraceContext.$current.withValue(trace) { body() } }
            scope.run { body() }
        }
    }

    func end(_ error: (any Error)?) { scope?.span?.end(error) }
}

extension SQLDialect {
    /// Its name in OpenTelemetry's conventions.
    fileprivate var systemName: String {
        switch self {
        case .sqlite: "sqlite"
        case .postgres: "postgresql"
        }
    }
}
