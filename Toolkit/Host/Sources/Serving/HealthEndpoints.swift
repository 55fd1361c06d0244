import HTTPTypes
package import MartletHTTP
import MartletREST

/// `/livez` and `/readyz`, which every HTTP listener of a process answers.
package struct HealthEndpoints: Sendable {
    private let readiness: @Sendable () -> Readiness?

    /// - Parameter readiness: What `/readyz` reports.
    package init(_ readiness: Readiness) { self.init { readiness } }

    /// - Parameter readiness: What `/readyz` reports; `nil` while the process builds its services.
    init(_ readiness: @escaping @Sendable () -> Readiness?) { self.readiness = readiness }

    /// Calls `add` with each path and its handler.
    package func each(_ add: (String, @escaping @Sendable (ServerRequest) async throws -> ServerResponse) -> Void) {
        let readiness = readiness
        // Liveness checks no dependency: a restart does not repair an unavailable database.
        add(HealthPath.live) { _ in Self.text(.ok, "alive\n") }
        add(HealthPath.ready) { _ in
            let current = readiness()
            let state = current?.current ?? .starting
            guard state == .serving else { return Self.text(.serviceUnavailable, state.rawValue + "\n") }
            if let problem = current?.problem { return Self.text(.serviceUnavailable, problem + "\n") }
            return Self.text(.ok, state.rawValue + "\n")
        }
    }

    static func text(
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
