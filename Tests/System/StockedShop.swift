import BuiltPrograms
import Foundation
import FoundationNetworking
import MartletCore

/// A running shop with mugs on its shelf, and tokens for who comes to it.
struct StockedShop: Sendable {
    /// How long the shop may take for what it does in the background.
    static let patience = Duration.seconds(60)

    let shop: RunningShop
    private let tokens: (customer: String, other: String, merchant: String)

    init(_ shop: RunningShop) async throws {
        self.shop = shop
        func token(_ whose: String...) throws -> String {
            let made = try Programs.martlet.run(["token", "--data", shop.folder] + whose)
            return String(decoding: made.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        tokens = (try token("--customer", "ann"), try token("--customer", "bob"), try token("--merchant"))
        let price = #"{"unit_price":{"currency":"GBP","units":2},"effective_from":"2020-01-01T00:00:00Z"}"#
        try await settled(
            ShopRequest(
                method: "POST",
                path: "/v1/products:import",
                body: #"{"products":[{"sku":"MUG","name":"White mug","stocked":true,"prices":[\#(price)]}]}"#,
                bearer: .merchant
            )
        )
        try await settled(
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
    /// - Parameter address: Another listener than the entrance.
    func send(_ request: ShopRequest, to address: String? = nil) async throws -> ShopAnswer {
        guard let url = URL(string: (address ?? shop.url) + request.path) else {
            throw RunningShop.Broken(what: "no address \(request.path)")
        }
        var sent = URLRequest(url: url, timeoutInterval: TimeInterval(Self.patience.components.seconds))
        sent.httpMethod = request.method
        if let body = request.body {
            sent.httpBody = Data(body.utf8)
            sent.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        if let header = try authorization(request.bearer) { sent.setValue(header, forHTTPHeaderField: "Authorization") }
        for (name, value) in request.headers { sent.setValue(value, forHTTPHeaderField: name) }
        let (body, response) = try await URLSession.shared.data(for: sent)
        guard let response = response as? HTTPURLResponse else {
            throw RunningShop.Broken(what: "an answer without status")
        }
        return ShopAnswer(response, body)
    }

    /// Sends a request until the shop is there to answer it, as a client that knows its key does.
    @discardableResult
    func settled(_ request: ShopRequest) async throws -> ShopAnswer {
        try await until("\(request.method) \(request.path)") {
            let answer = try await send(request)
            return answer.status == 503 || answer.status == 504 ? nil : answer
        }
    }

    /// The order, once it is at `status`.
    func order(_ id: String, at status: String) async throws -> PlacedOrder.Order {
        try await until("\(id) at \(status)") {
            let answer = try await send(ShopRequest(path: "/v1/orders/\(id)"))
            guard answer.status == 200 else { return nil }
            let order = try answer.decoded(PlacedOrder.self).order
            return order.status == status ? order : nil
        }
    }

    /// Asks until there is an answer; patience is for a shop that is broken.
    @discardableResult
    func until<Answer>(_ what: String, _ ask: () async throws -> Answer?) async throws -> Answer {
        let time = SystemTime()
        let limit = time.now + Self.patience
        while time.now < limit {
            if let answer = try await ask() { return answer }
            try await time.sleep(for: .milliseconds(20))
        }
        throw RunningShop.Broken(what: "waited in vain for \(what)")
    }

    private func authorization(_ bearer: ShopRequest.Bearer) throws -> String? {
        switch bearer {
        case .nobody: return nil
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
