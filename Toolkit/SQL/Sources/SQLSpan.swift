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
    func run<R>(on connection: any SQLConnection, _ body: () throws -> R) rethrows -> R {
        guard let tracer else { return try TraceContext.$current.withValue(trace) { try body() } }
        scope?.span?.set(.dbSystemName, connection.dialect.systemName)
        return try ServiceTracer.$current.withValue(tracer) {
            guard let scope else { return try TraceContext.$current.withValue(trace) { try body() } }
            return try scope.run { try body() }
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
