import AsyncHTTPClient
import MartletCore
import NIOCore
import NIOHTTP1

/// Carries requests to a shop over HTTP.
struct ShopExchange: Sendable {
    /// Of an answer, in bytes.
    static let answerLimit = 16 * 1_024 * 1_024
    static let attemptTimeout = Duration.seconds(15)

    let http: HTTPClient
    /// As in `http://127.0.0.1:8080`.
    let address: String
    let token: String

    func carry(_ request: ShopClient.Request) async throws -> ShopClient.Answer {
        var sent = HTTPClientRequest(url: address + request.path)
        sent.method = .init(rawValue: request.verb)
        sent.headers.add(name: "authorization", value: "Bearer \(token)")
        sent.headers.add(name: "accept", value: "application/json")
        if let key = request.key { sent.headers.add(name: "idempotency-key", value: key) }
        if let body = request.body {
            sent.headers.add(name: "content-type", value: "application/json")
            sent.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await http.execute(sent, timeout: .nanoseconds(Self.attemptTimeout.nanosecondsClamped))
        let buffer = try await response.body.collect(upTo: Self.answerLimit)
        return ShopClient.Answer(status: Int(response.status.code), body: Array(buffer.readableBytesView))
    }
}
