import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1

/// Probes a daemon's readiness.
struct ReadinessProbe: Sendable {
    let timeout: Duration

    /// True when `/readyz` on `port` of this machine returns 200.
    func isReady(port: Int) async -> Bool {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/readyz")
        request.headers.add(name: "Connection", value: "close")
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: TimeAmount(timeout))
            // Draining the short body lets the connection be reused.
            _ = try await response.body.collect(upTo: 65_536)
            return response.status == .ok
        } catch {
            return false
        }
    }
}
