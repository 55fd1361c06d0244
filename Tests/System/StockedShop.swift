import BuiltPrograms
import Foundation
import MartletCore
import MartletREST
import MartletTesting
import NIOCore
import NIOHTTP1

/// A running shop with mugs in stock, and tokens for its clients.
struct StockedShop: Sendable {
    let shop: RunningShop
    private let tokens: (customer: String, other: String, merchant: String)

    init(_ shop: RunningShop) async throws {
        self.shop = shop
        func token(_ identity: String...) throws -> String {
            let made = try Programs.martlet.run(["token", "--data", shop.folder] + identity)
            return String(decoding: made.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        tokens = (try token("--customer", "ann"), try token("--customer", "bob"), try token("--merchant"))
        let price = #"{"unit_price":{"currency":"GBP","units":2},"effective_from":"2020-01-01T00:00:00Z"}"#
        try await retried(
            ShopRequest(
                method: "POST",
                path: "/v1/products:import",
                body: #"{"products":[{"sku":"MUG","name":"White mug","stocked":true,"prices":[\#(price)]}]}"#,
                bearer: .merchant
            )
        )
        try await retried(
            ShopRequest(
                method: "PUT",
                path: "/v1/deliveries/opening",
                body: #"{"kind":"DELIVERY_KIND_PURCHASE","lines":[{"sku":"MUG","quantity":1000}]}"#,
                bearer: .merchant
            )
        )
    }

    /// Sends a request once.
    ///
    /// - Parameter address: Another listener than the gateway.
    func send(_ request: ShopRequest, to address: String? = nil) async throws -> ShopResponse {
        guard let url = URL(string: address ?? shop.url), let host = url.host, let port = url.port else {
            throw RunningShop.Failure(what: "no address \(address ?? shop.url)")
        }
        var headers = HTTPHeaders()
        if request.body != nil { headers.add(name: "Content-Type", value: "application/json") }
        if let header = try authorization(request.bearer) { headers.add(name: "Authorization", value: header) }
        // As long as the shop allows, unless this limit is the test's subject.
        headers.add(name: "x-request-timeout", value: "\(HangLimit.wait.milliseconds)")
        for (name, value) in request.headers { headers.replaceOrAdd(name: name, value: value) }
        let sent = HTTP1Client.Request(
            method: request.method,
            target: request.path,
            headers: headers,
            body: ByteBuffer(string: request.body ?? "")
        )
        // A connection for each request: a daemon that was killed has closed its earlier ones.
        var limits = HTTP1ClientLimits.standard
        limits.connectTimeout = HangLimit.wait
        let client = HTTP1Client(limits: limits)
        do {
            let response = try await client.send(
                sent,
                host: host,
                port: port,
                timeout: HangLimit.wait,
                responseBytesMax: 64 << 20
            )
            await client.shutdown()
            return ShopResponse(response)
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// Retries a request with its key while the shop is unavailable.
    @discardableResult
    func retried(_ request: ShopRequest) async throws -> ShopResponse {
        try await until("\(request.method) \(request.path)") {
            let response = try await send(request)
            return response.status == 503 || response.status == 504 ? nil : response
        }
    }

    /// The order, once it is at `status`.
    func order(_ id: String, at status: String) async throws -> PlacedOrder.Order {
        try await until("\(id) at \(status)") {
            let response = try await send(ShopRequest(path: "/v1/orders/\(id)"))
            guard response.status == 200 else { return nil }
            let order = try response.decoded(PlacedOrder.self).order
            return order.status == status ? order : nil
        }
    }

    /// Polls until there is a value, as ``Poll``.
    @discardableResult
    func until<Value>(_ what: String, _ poll: () async throws -> Value?) async throws -> Value {
        try await Poll.until(what, poll)
    }

    private func authorization(_ bearer: ShopRequest.Bearer) throws -> String? {
        switch bearer {
        case .anonymous: return nil
        case .customer: return "Bearer \(tokens.customer)"
        case .otherCustomer: return "Bearer \(tokens.other)"
        case .merchant: return "Bearer \(tokens.merchant)"
        case .minted(let token): return "Bearer \(try token.signed(shop.folder))"
        case .header(let value): return value
        case .forged:
            let (own, other) = (tokens.customer.split(separator: "."), tokens.other.split(separator: "."))
            return "Bearer \(own[0]).\(other[1]).\(own[2])"
        }
    }
}
