import MartletREST
import NIOCore
import NIOHTTP1

/// Probes a daemon's readiness.
struct ReadinessProbe: Sendable {
    enum Outcome: Sendable, Equatable {
        case ready
        /// What it reports instead, in one line.
        case notReady(String)
        /// It does not respond, or a program of another system does.
        case unreachable
    }

    /// Each probe closes its connection, so that nothing has to be shut down.
    private static let http = HTTP1Client(limits: .standard)
    private static let responseBytesLimit = 65_536
    /// Metrics of all services of a process.
    private static let metricsBytesLimit = 8 << 20

    /// The longest reason that is shown.
    private static let reasonCharactersLimit = 200

    let timeout: Duration
    /// The identity of the data folder, which the daemon must state; `nil`: any program may respond.
    let system: String?

    /// True when `/readyz` on `port` of this machine returns 200.
    func isReady(port: Int) async -> Bool { await outcome(port: port) == .ready }

    /// What `/readyz` on `port` of this machine returns.
    func outcome(port: Int) async -> Outcome {
        guard let response = await response(to: "/readyz", port: port, limit: Self.responseBytesLimit) else {
            return .unreachable
        }
        if response.status == .ok { return .ready }
        let reason = String(buffer: response.body).prefix { !$0.isNewline }
        return .notReady(String(reason.prefix(Self.reasonCharactersLimit)))
    }

    /// What `/metrics` on `port` of this machine returns; `nil` when the daemon does not respond.
    func metrics(port: Int) async -> String? {
        let response = await response(to: "/metrics", port: port, limit: Self.metricsBytesLimit)
        return response.flatMap { $0.status == .ok ? String(buffer: $0.body) : nil }
    }

    /// `nil` when the daemon does not respond, or a program of another system does.
    private func response(to target: String, port: Int, limit: Int) async -> HTTP1Client.Response? {
        var headers: HTTPHeaders = ["connection": "close"]
        if let system { headers.add(name: RESTHeaders.systemName, value: system) }
        let request = HTTP1Client.Request(method: "GET", target: target, headers: headers, body: ByteBuffer())
        guard
            // Whatever fails, the daemon has not responded.
            let response = try? await Self.http.send(
                request,
                host: "127.0.0.1",
                port: port,
                timeout: timeout,
                responseBytesMax: limit
            )
        else { return nil }
        if let system {
            let answered = response.headers[RESTHeaders.systemName]
            guard answered.count == 1, answered[0].utf8.elementsEqual(system.utf8) else { return nil }
        }
        return response
    }
}
