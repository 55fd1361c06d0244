import MartletCore
import MartletTelemetry

/// The span of a request to another party, with all of its attempts; nothing where it is not recorded.
struct OutgoingSpan: Sendable {
    private static let traceparent = "traceparent"
    private static let tracestate = "tracestate"

    private let scope: SpanScope?

    init(_ request: OutgoingRequest) {
        scope = ServiceTracer.nested(.client, name: request.method)
        guard let span = scope?.span else { return }
        span.set(.httpRequestMethod, request.method)
        span.set(.urlScheme, request.url.scheme)
        // A host that a caller has chosen is not ours to export.
        if !request.url.isGuarded { span.set(.serverAddress, request.url.host) }
    }

    /// The request with its place in the trace, which a configured peer gets and a host from data does not.
    func placed(_ request: OutgoingRequest) -> OutgoingRequest {
        guard let trace = scope?.trace, !request.url.isGuarded, !request.headers.contains(where: Self.isPlace) else {
            return request
        }
        var placed = request
        placed.headers.append(OutgoingHeader(Self.traceparent, trace.traceparent))
        if trace.state != .none { placed.headers.append(OutgoingHeader(Self.tracestate, trace.state.text)) }
        return placed
    }

    private static func isPlace(_ header: OutgoingHeader) -> Bool { header.name.lowercased() == traceparent }

    /// Another attempt begins.
    func repeated(_ attempt: Int) { scope?.span?.set(.attempts, attempt) }

    /// Sends within the span, and ends it with the outcome.
    func finish(_ send: () async throws -> OutgoingResponse) async throws -> OutgoingResponse {
        guard let span = scope?.span else { return try await send() }
        do {
            let response = try await send()
            span.set(.httpResponseStatusCode, response.status)
            if response.status >= 400 { span.fail("\(response.status)") }
            span.end(nil)
            return response
        } catch {
            span.end(error)
            throw error
        }
    }
}
