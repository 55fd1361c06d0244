import Foundation
import MartletTesting
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite(
    "Refused requests",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .sharedShop,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct BadInputTests {
    let stocked: StockedShop

    init() throws { stocked = try SharedShop.shop }

    @Test("a refusal has its status, its problem type and the field's name", arguments: Refusal.all)
    func refused(_ refusal: Refusal) async throws {
        let response = try await stocked.send(refusal.request)
        try expect(response, status: refusal.status, reason: refusal.reason)
        #expect(try response.decoded(ShopResponse.Problem.self).fields == (refusal.field.map { [$0] } ?? []))
        #expect((response["WWW-Authenticate"] != nil) == (refusal.status == 401 || refusal.status == 403))
    }

    @Test("a valid token is accepted, also when it was minted outside the shop")
    func mintedToken() async throws {
        let response = try await stocked.send(ShopRequest(path: "/v1/orders", bearer: .minted(MintedToken())))
        #expect(response.status == 200, "\(response)")
    }

    @Test("an unsupported method gets 405 with Allow")
    func methodNotAllowed() async throws {
        let response = try await stocked.send(ShopRequest(method: "DELETE", path: "/v1/orders"))
        try expect(response, status: 405, reason: "request.method_not_allowed")
        #expect(response["Allow"] == "GET, HEAD, POST")
    }

    @Test("a refused request places no order and does not store its key")
    func nothingPlaced() async throws {
        for refusal in Refusal.all where refusal.request.path == "/v1/orders" && refusal.request.method == "POST" {
            _ = try await stocked.send(refusal.request)
        }
        let placed = try await stocked.retried(.order(key: "refused"))
        #expect(placed.status == 200, "\(placed)")
    }

    @Test("a repeated key with the same request gets the same response, with another one 422")
    func keys() async throws {
        let first = try await stocked.retried(.order(key: "again"))
        let id = try first.decoded(PlacedOrder.self).order.order_id
        let repeated = try await stocked.retried(.order(key: "again"))
        #expect(try repeated.decoded(PlacedOrder.self).order.order_id == id)
        #expect(repeated.body == first.body)

        let other = try await stocked.retried(.order(PlacedOrder.body(#"{"sku":"MUG","quantity":2}"#), key: "again"))
        try expect(other, status: 422, reason: "idempotency.key_reused")
        #expect(try other.decoded(ShopResponse.Problem.self).fields == ["Idempotency-Key"])

        let ofOther = try await stocked.retried(.order(key: "again", as: .otherCustomer))
        #expect(try ofOther.decoded(PlacedOrder.self).order.order_id != id, "a key belongs to its customer")
    }

    @Test("another customer's order is not found")
    func othersOrder() async throws {
        let placed = try await stocked.retried(.order(key: "mine"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        let line = #"{"lines":[{"sku":"MUG","quantity":1}]}"#
        let requests = [
            ShopRequest(path: "/v1/orders/\(id)", bearer: .otherCustomer),
            ShopRequest(path: "/v1/orders/\(id)/timeline", bearer: .otherCustomer),
            ShopRequest(method: "POST", path: "/v1/orders/\(id):cancel", body: "{}", bearer: .otherCustomer),
            ShopRequest(method: "PUT", path: "/v1/orders/\(id)/returns/r", body: line, bearer: .otherCustomer),
        ]
        for request in requests {
            let response = try await stocked.send(request)
            try expect(response, status: 404, reason: "orders.unknown_order")
            #expect(try response.decoded(ShopResponse.Problem.self).fields == ["order_id"])
        }
        let orders = try await stocked.send(ShopRequest(path: "/v1/orders", bearer: .otherCustomer))
        #expect(!String(decoding: orders.body, as: UTF8.self).contains(id))
    }

    @Test("a service that does not respond in time causes 504")
    func deadline() async throws {
        let catalog = try stocked.shop.process(of: "catalogd")
        kill(catalog, SIGSTOP)
        defer { kill(catalog, SIGCONT) }
        let headers = ["x-request-timeout": "300"]
        // To the suspended service itself, and to one that calls it.
        for request in [ShopRequest(path: "/v1/products", headers: headers), .order(key: "late", headers)] {
            try expect(try await stocked.send(request), status: 504, reason: "deadline_exceeded")
        }
    }

    @Test("a service that is down causes 503 with Retry-After; other services respond")
    func down() async throws {
        let placed = try await stocked.retried(.order(key: "before"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        let catalog = try stocked.shop.process(of: "catalogd")
        // A suspended supervisor does not restart the catalogue.
        kill(stocked.shop.supervisorID, SIGSTOP)
        defer { kill(stocked.shop.supervisorID, SIGCONT) }
        kill(catalog, SIGKILL)
        for request in [ShopRequest(path: "/v1/products"), .order(key: "without-catalogue")] {
            let response = try await stocked.until("catalogd is down") {
                let response = try await stocked.send(request)
                return response.status == 200 ? nil : response
            }
            try expect(response, status: 503, reason: "unavailable")
            #expect(response["Retry-After"].flatMap { Int($0) } ?? 0 >= 1)
        }
        let others = [
            ShopRequest(path: "/v1/orders/\(id)/timeline"), ShopRequest(path: "/v1/stock/MUG"),
            ShopRequest(path: "/v1/ledger:trial-balance", bearer: .merchant),
            ShopRequest(method: "POST", path: "/v1/carts", body: "{}", headers: ["Idempotency-Key": "cart"]),
        ]
        for request in others {
            let response = try await stocked.send(request)
            #expect(response.status == 200, "\(request.path): \(response)")
        }
        kill(stocked.shop.supervisorID, SIGCONT)
        let retried = try await stocked.retried(.order(key: "without-catalogue"))
        #expect(retried.status == 200, "the key is still usable: \(retried)")
    }

    private func expect(_ response: ShopResponse, status: Int, reason: String) throws {
        #expect(response.status == status, "\(response)")
        #expect(response["Content-Type"] == "application/problem+json")
        #expect(response["x-request-id"]?.isEmpty == false)
        let problem = try response.decoded(ShopResponse.Problem.self)
        #expect(problem.type == "/problems/\(reason)")
        #expect(problem.status == status)
        #expect(!problem.title.isEmpty && !problem.detail.isEmpty)
    }
}
