import Foundation
import Glibc
import Testing

@Suite("Bad input at the entrance", .enabled(if: Programs.areBuilt), .serialized, .sharedShop, .timeLimit(.minutes(10)))
struct BadInputTests {
    let stocked: StockedShop

    init() throws { stocked = try SharedShop.shop }

    @Test("is refused with its status, its problem and the field's name", arguments: Refusal.all)
    func refused(_ refusal: Refusal) async throws {
        let answer = try await stocked.send(refusal.request)
        try expect(answer, refusal.status, refusal.reason)
        #expect(try answer.decoded(ShopAnswer.Problem.self).fields == (refusal.field.map { [$0] } ?? []))
        #expect((answer["WWW-Authenticate"] != nil) == (refusal.status == 401 || refusal.status == 403))
    }

    @Test("is none when a token is as it should be, whoever made it")
    func mintedToken() async throws {
        let answer = try await stocked.send(ShopRequest(path: "/v1/orders", bearer: .minted(MintedToken())))
        #expect(answer.status == 200, "\(answer)")
    }

    @Test("by a method that a path does not have is told which it has")
    func otherMethods() async throws {
        let answer = try await stocked.send(ShopRequest(method: "DELETE", path: "/v1/orders"))
        try expect(answer, 405, "request.method_not_allowed")
        #expect(answer["Allow"] == "GET, HEAD, POST")
    }

    @Test("leaves no order behind")
    func nothingPlaced() async throws {
        for refusal in Refusal.all where refusal.request.path == "/v1/orders" && refusal.request.method == "POST" {
            _ = try await stocked.send(refusal.request)
        }
        // The key of so many refusals is still free: nothing was stored under it.
        let placed = try await stocked.send(.order(key: "refused"))
        #expect(placed.status == 200, "\(placed)")
    }

    @Test("under a used key is told from a repeat")
    func keys() async throws {
        let first = try await stocked.send(.order(key: "again"))
        let id = try first.decoded(PlacedOrder.self).order.order_id
        let repeated = try await stocked.send(.order(key: "again"))
        #expect(try repeated.decoded(PlacedOrder.self).order.order_id == id)
        #expect(repeated.body == first.body)

        let other = try await stocked.send(.order(PlacedOrder.body(#"{"sku":"MUG","quantity":2}"#), key: "again"))
        try expect(other, 422, "idempotency.key_reused")
        #expect(try other.decoded(ShopAnswer.Problem.self).fields == ["Idempotency-Key"])

        let bobs = try await stocked.send(.order(key: "again", as: .otherCustomer))
        #expect(try bobs.decoded(PlacedOrder.self).order.order_id != id, "keys belong to whoever uses them")
    }

    @Test("does not tell that another customer's order exists")
    func othersOrder() async throws {
        let placed = try await stocked.send(.order(key: "mine"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        let line = #"{"lines":[{"sku":"MUG","quantity":1}]}"#
        let requests = [
            ShopRequest(path: "/v1/orders/\(id)", bearer: .otherCustomer),
            ShopRequest(path: "/v1/orders/\(id)/timeline", bearer: .otherCustomer),
            ShopRequest(method: "POST", path: "/v1/orders/\(id):cancel", body: "{}", bearer: .otherCustomer),
            ShopRequest(method: "PUT", path: "/v1/orders/\(id)/returns/r", body: line, bearer: .otherCustomer),
        ]
        for request in requests {
            let answer = try await stocked.send(request)
            try expect(answer, 404, "orders.unknown_order")
            #expect(try answer.decoded(ShopAnswer.Problem.self).fields == ["order_id"])
        }
        let orders = try await stocked.send(ShopRequest(path: "/v1/orders", bearer: .otherCustomer))
        #expect(!String(decoding: orders.body, as: UTF8.self).contains(id))
    }

    @Test("is no fault of the caller when a service does not answer in time")
    func deadline() async throws {
        let catalog = try stocked.shop.process(of: "catalogd")
        kill(catalog, SIGSTOP)
        defer { kill(catalog, SIGCONT) }
        let hurry = ["x-request-timeout": "300"]
        // Straight to the service that sleeps, and to one that needs it.
        for request in [ShopRequest(path: "/v1/products", headers: hurry), .order(key: "late", hurry)] {
            try expect(try await stocked.send(request), 504, "deadline_exceeded")
        }
    }

    @Test("is no fault of the caller when a service is down, and the others go on")
    func down() async throws {
        let placed = try await stocked.send(.order(key: "before"))
        let id = try placed.decoded(PlacedOrder.self).order.order_id
        let catalog = try stocked.shop.process(of: "catalogd")
        // Nobody starts the catalogue again as long as the supervisor sleeps.
        kill(stocked.shop.supervisorID, SIGSTOP)
        defer { kill(stocked.shop.supervisorID, SIGCONT) }
        kill(catalog, SIGKILL)
        for request in [ShopRequest(path: "/v1/products"), .order(key: "without-catalogue")] {
            let answer = try await stocked.until("the end of catalogd") {
                let answer = try await stocked.send(request)
                return answer.status == 200 ? nil : answer
            }
            try expect(answer, 503, "unavailable")
            #expect(answer["Retry-After"].flatMap { Int($0) } ?? 0 >= 1)
        }
        let others = [
            ShopRequest(path: "/v1/orders/\(id)/timeline"), ShopRequest(path: "/v1/stock/MUG"),
            ShopRequest(path: "/v1/ledger:trial-balance", bearer: .merchant),
            ShopRequest(method: "POST", path: "/v1/carts", body: "{}", headers: ["Idempotency-Key": "cart"]),
        ]
        for request in others {
            let answer = try await stocked.send(request)
            #expect(answer.status == 200, "\(request.path): \(answer)")
        }
        kill(stocked.shop.supervisorID, SIGCONT)
        let back = try await stocked.settled(.order(key: "without-catalogue"))
        #expect(back.status == 200, "the key was not used up: \(back)")
    }

    private func expect(_ answer: ShopAnswer, _ status: Int, _ reason: String) throws {
        #expect(answer.status == status, "\(answer)")
        #expect(answer["Content-Type"] == "application/problem+json")
        #expect(answer["x-request-id"]?.isEmpty == false)
        let problem = try answer.decoded(ShopAnswer.Problem.self)
        #expect(problem.type == "/problems/\(reason)")
        #expect(problem.status == status)
        #expect(!problem.title.isEmpty && !problem.detail.isEmpty)
    }
}
