import Foundation
import FoundationNetworking

/// Sends requests to a shop whose address is `https`, with the TLS of Foundation; slower than ``ShopExchange``.
struct SecureShopExchange: Sendable {
    private static let connectionsLimit = 256

    private struct Unusable: Error {}

    private let session: URLSession
    /// As in `https://shop.example`.
    private let address: String
    private let token: String

    init(address: String, token: String) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = Self.connectionsLimit
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        session = URLSession(configuration: configuration)
        self.address = address
        self.token = token
    }

    func send(_ request: ShopClient.Request) async throws -> ShopClient.Response {
        guard let url = URL(string: address + request.path) else { throw Unusable() }
        var outgoing = URLRequest(url: url)
        outgoing.httpMethod = request.verb
        outgoing.timeoutInterval = TimeInterval(ShopExchange.attemptTimeout.components.seconds)
        outgoing.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        outgoing.setValue("application/json", forHTTPHeaderField: "Accept")
        if let key = request.key { outgoing.setValue(key, forHTTPHeaderField: "Idempotency-Key") }
        if let body = request.body {
            outgoing.setValue("application/json", forHTTPHeaderField: "Content-Type")
            outgoing.httpBody = Data(body)
        }
        let (data, response) = try await session.data(for: outgoing, delegate: nil)
        guard let status = (response as? HTTPURLResponse)?.statusCode, data.count <= ShopExchange.responseBytesLimit
        else { throw Unusable() }
        return ShopClient.Response(status: status, body: Array(data))
    }
}
