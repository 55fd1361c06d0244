import HTTPTypes
package import MartletHTTP
import MartletREST
package import MartletTelemetry

/// The operational endpoints of every HTTP listener: `/livez`, `/readyz`, `/metrics`.
package struct ListenerHooks: Sendable {
    private let readiness: Readiness
    private let metrics: [MetricsRegistry]

    /// - Parameters:
    ///   - readiness: What `/readyz` reports.
    ///   - metrics: Exposed together.
    package init(readiness: Readiness, metrics: [MetricsRegistry]) {
        self.readiness = readiness
        self.metrics = metrics
    }

    /// Calls `add` with each path and its handler.
    package func each(_ add: (String, @escaping @Sendable (ServerRequest) async throws -> ServerResponse) -> Void) {
        let (readiness, metrics) = (readiness, metrics)
        // Liveness checks no dependency: a restart does not repair an unavailable database.
        add(HealthPath.live) { _ in Self.text(.ok, "alive\n") }
        add(HealthPath.ready) { _ in
            let state = readiness.current
            guard state == .serving else { return Self.text(.serviceUnavailable, state.rawValue + "\n") }
            if let problem = readiness.problem { return Self.text(.serviceUnavailable, problem + "\n") }
            return Self.text(.ok, state.rawValue + "\n")
        }
        add("/metrics") { _ in Self.text(.ok, MetricsText.exposition(of: metrics), type: MetricsText.contentType) }
    }

    private static func text(
        _ status: HTTPResponse.Status,
        _ text: String,
        type: String = "text/plain; charset=utf-8"
    ) -> ServerResponse {
        ServerResponse(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(text.utf8)
        )
    }
}
