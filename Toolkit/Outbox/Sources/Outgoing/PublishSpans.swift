import MartletCore
import MartletMessaging
import MartletTelemetry

/// The spans of one publication: one for each event whose trace is recorded, within that trace.
///
/// One span for a whole batch would join the traces of all its events.
struct PublishSpans {
    private var scopes: [(index: Int, scope: SpanScope)] = []

    /// - Returns: `nil` when nothing is recorded.
    init?(_ events: [Envelope]) {
        guard let tracer = ServiceTracer.current else { return nil }
        for (index, event) in events.enumerated() {
            guard let created = event.trace, created.sampled else { continue }
            let scope = tracer.begin(.client, after: created, name: "publish \(event.topic)")
            scope.span?.set(.messagingSystem, "martlet")
            scope.span?.set(.messagingOperationType, "send")
            scope.span?.set(.messagingOperationName, "publish")
            scope.span?.set(.messagingDestinationName, event.topic)
            scope.span?.set(.messagingBatchMessageCount, events.count)
            scopes.append((index, scope))
        }
        if scopes.isEmpty { return nil }
    }

    /// Publishes in the trace of the first event: a call has one caller.
    func publish(_ body: () async throws -> [PublishOutcome]) async throws -> [PublishOutcome] {
        do {
            let outcomes = try await scopes[0].scope.run { try await body() }
            for (index, scope) in scopes {
                let refusal = outcomes.indices.contains(index) ? outcomes[index].refusal : nil
                if let refusal { scope.span?.fail(refusal.reason.name) }
                scope.span?.end(nil)
            }
            return outcomes
        } catch {
            for (_, scope) in scopes { scope.span?.end(error) }
            throw error
        }
    }
}

extension Envelope {
    /// Where the event was appended; `nil` without a trace.
    var trace: TraceContext? { traceparent.flatMap { TraceContext(traceparent: $0) } }
}
