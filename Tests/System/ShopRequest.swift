import Foundation
import MartletREST
import NIOCore
import NIOHTTP1

/// A request to a running shop.
struct ShopRequest: Sendable {
    /// The identity of the client.
    enum Bearer: Sendable {
        case anonymous
        case customer
        case otherCustomer
        case merchant
        /// The customer's token with the claims of another.
        case forged
        /// A customer's token that the shop did not issue.
        case minted(MintedToken)
        /// The literal value of the header.
        case header(String)
    }

    var method = "GET"
    var path: String
    var body: String?
    var bearer = Bearer.customer
    var headers: [String: String] = [:]

    /// Places an order, by default of one mug.
    static func order(
        _ body: String = PlacedOrder.oneMug,
        key: String?,
        as bearer: Bearer = .customer,
        _ headers: [String: String] = [:]
    ) -> ShopRequest {
        var headers = headers
        if let key { headers["Idempotency-Key"] = key }
        return ShopRequest(method: "POST", path: "/v1/orders", body: body, bearer: bearer, headers: headers)
    }
}

/// A response of the shop.
struct ShopResponse: Sendable, CustomStringConvertible {
    /// RFC 9457, as far as the tests use it.
    struct Problem: Decodable, Sendable {
        struct Violation: Decodable, Sendable {
            let field: String
            let rule: String
        }
        let type: String
        let title: String
        let status: Int
        let detail: String
        let violations: [Violation]?

        var fields: [String] { (violations ?? []).map(\.field) }
    }

    let status: Int
    private let headers: [String: String]
    let body: Data

    init(_ response: HTTP1Client.Response) {
        status = Int(response.status.code)
        body = Data(response.body.readableBytesView)
        headers = Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" }
    }

    subscript(header: String) -> String? { headers[header.lowercased()] }

    func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: body)
    }

    var description: String { "\(status) \(String(decoding: body.prefix(1_000), as: UTF8.self))" }
}

/// An order in a response, as far as the tests use it.
struct PlacedOrder: Decodable, Sendable {
    struct Order: Decodable, Sendable {
        let order_id: String
        let status: String
    }
    let order: Order

    static let sku = "MUG"
    static let oneMug = body(#"{"sku":"MUG","quantity":1}"#)

    static func body(_ lines: String) -> String { #"{"lines":[\#(lines)],"payment_method":"pm_test_ok"}"# }
}
