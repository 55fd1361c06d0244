import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1

/// Sends requests to a shop over HTTP.
struct ShopExchange: Sendable {
    /// The maximum size of a response.
    static let responseBytesLimit = 16 * 1_024 * 1_024
    static let attemptTimeout = Duration.seconds(15)

    let http: HTTPClient
    /// As in `http://127.0.0.1:8080`.
    let address: String
    let token: String

    func send(_ request: ShopClient.Request) async throws -> ShopClient.Response {
        var httpRequest = HTTPClientRequest(url: address + request.path)
        httpRequest.method = .init(rawValue: request.verb)
        httpRequest.headers.add(name: "authorization", value: "Bearer \(token)")
        httpRequest.headers.add(name: "accept", value: "application/json")
        if let key = request.key { httpRequest.headers.add(name: "idempotency-key", value: key) }
        if let body = request.body {
            httpRequest.headers.add(name: "content-type", value: "application/json")
            httpRequest.body = .bytes(ByteBuffer(bytes: body))
        }
        let timeout = TimeAmount.nanoseconds(Self.attemptTimeout.nanosecondsClamped)
        let response = try await http.execute(httpRequest, timeout: timeout)
        let buffer = try await response.body.collect(upTo: Self.responseBytesLimit)
        return ShopClient.Response(status: Int(response.status.code), body: Array(buffer.readableBytesView))
    }
}
