import Foundation
import MartletREST
import NIOCore
import NIOHTTP1

/// Sends requests to a shop over HTTP.
struct ShopExchange: Sendable {
    /// The maximum size of a response.
    static let responseBytesLimit = 16 * 1_024 * 1_024
    static let attemptTimeout = Duration.seconds(15)

    private let http: HTTP1Client
    private let host: String
    private let port: Int
    /// The part of the address that precedes every path; usually empty.
    private let prefix: String
    private let token: String

    /// - Parameter address: As in `http://127.0.0.1:8080`; `nil` without a host.
    init?(http: HTTP1Client, address: URL, token: String) {
        guard let host = address.host else { return nil }
        self.http = http
        self.host = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        port = address.port ?? 80
        prefix = address.path(percentEncoded: true)
        self.token = token
    }

    func send(_ request: ShopClient.Request) async throws -> ShopClient.Response {
        var headers: HTTPHeaders = ["authorization": "Bearer \(token)", "accept": "application/json"]
        if let key = request.key { headers.add(name: "idempotency-key", value: key) }
        if request.body != nil { headers.add(name: "content-type", value: "application/json") }
        let response = try await http.send(
            HTTP1Client.Request(
                method: request.verb,
                target: prefix + request.path,
                headers: headers,
                body: ByteBuffer(bytes: request.body ?? [])
            ),
            host: host,
            port: port,
            timeout: Self.attemptTimeout,
            responseBytesMax: Self.responseBytesLimit
        )
        return ShopClient.Response(status: Int(response.status.code), body: Array(response.body.readableBytesView))
    }
}
