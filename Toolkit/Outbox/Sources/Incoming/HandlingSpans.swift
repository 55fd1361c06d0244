import MartletCore
import MartletMessaging
import MartletTelemetry

/// The spans of one attempt to handle a batch: one for each event whose trace is recorded.
///
/// Each is a trace of its own, linked to the span that appended its event: an event is handled after its request has ended,
/// perhaps days later, and perhaps again and again. They last until the attempt's commit.
struct HandlingSpans: Sendable {
    private var scopes: [(event: Envelope, scope: SpanScope)] = []

    /// - Returns: `nil` when nothing is recorded.
    init?(_ events: [Envelope], of subscription: Subscription) {
        guard let tracer = ServiceTracer.current else { return nil }
        for event in events {
            guard let created = event.trace,
                let scope = tracer.begin(.consumer, linkedTo: created, name: "process \(event.topic)")
            else { continue }
            scope.span?.set(.messagingSystem, "martlet")
            scope.span?.set(.messagingOperationType, "process")
            scope.span?.set(.messagingOperationName, "process")
            scope.span?.set(.messagingDestinationName, event.topic)
            scope.span?.set(.messagingConsumerGroupName, subscription.group)
            scopes.append((event, scope))
        }
        if scopes.isEmpty { return nil }
    }

    /// Runs `body`, which redrives an event, in the trace of this attempt; without a trace when it is not recorded.
    ///
    /// - Parameter event: `nil` when none is left.
    static func redriving<R>(
        _ event: Envelope?,
        of subscription: Subscription,
        _ body: (HandlingSpans?) async throws -> R
    ) async throws -> R {
        guard let event, let spans = HandlingSpans([event], of: subscription) else { return try await body(nil) }
        let scope = spans.scopes[0].scope
        do {
            let result = try await scope.run { try await body(spans) }
            scope.span?.set(.decision, "redriven")
            scope.span?.end(nil)
            return result
        } catch {
            scope.span?.set(.decision, "undone")
            scope.span?.fail((error as? HandlerFailure)?.kind ?? "\(type(of: error))")
            scope.span?.end(nil)
            throw error
        }
    }

    /// The scope of an event of the batch; `nil` when it is not recorded.
    func scope(of event: Envelope) -> SpanScope? {
        scopes.first { ExactText($0.event.id) == ExactText(event.id) }?.scope
    }

    /// Decides on the batch in the trace of its first event: a transaction has one caller.
    func decide(
        on events: [Envelope],
        _ body: () async throws -> [InboxDecision]
    ) async throws -> [InboxDecision] {
        do {
            let decisions = try await scopes[0].scope.run { try await body() }
            for (event, decision) in zip(events, decisions) {
                let span = scope(of: event)?.span
                span?.set(.decision, "\(decision)")
                span?.end(nil)
            }
            return decisions
        } catch {
            let failed = (error as? HandlerFailure).map { ExactText(events[$0.index].id) }
            for (event, scope) in scopes {
                // The others are decided on again.
                scope.span?.set(.decision, "undone")
                if failed.map({ $0 == ExactText(event.id) }) ?? true {
                    scope.span?.fail((error as? HandlerFailure)?.kind ?? "\(type(of: error))")
                }
                scope.span?.end(nil)
            }
            throw error
        }
    }
}
