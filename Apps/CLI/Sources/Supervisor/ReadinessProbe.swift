import MartletREST
import NIOCore
import NIOHTTP1

/// Probes a daemon's readiness.
struct ReadinessProbe: Sendable {
    /// Each probe closes its connection, so that nothing has to be shut down.
    private static let http = HTTP1Client(limits: .standard)
    private static let responseBytesLimit = 65_536

    let timeout: Duration

    /// True when `/readyz` on `port` of this machine returns 200.
    func isReady(port: Int) async -> Bool {
        do {
            let response = try await Self.http.send(
                HTTP1Client.Request(
                    method: "GET",
                    target: "/readyz",
                    headers: ["connection": "close"],
                    body: ByteBuffer()
                ),
                host: "127.0.0.1",
                port: port,
                timeout: timeout,
                responseBytesMax: Self.responseBytesLimit
            )
            return response.status == .ok
        } catch {
            return false
        }
    }
}
