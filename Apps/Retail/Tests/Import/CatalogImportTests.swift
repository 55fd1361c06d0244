import Console
import MartletCore
import MartletTesting
import Testing

@testable import Retail

/// A shop that answers each request with one response.
private struct ScriptedShop: Sendable {
    let status: Int
    let body: String

    var client: ShopClient {
        ShopClient(
            exchange: { [status, body] _ in .init(status: status, body: Array(body.utf8)) },
            address: "http://shop.test",
            retryTimeout: .zero,
            runtime: Runtime(time: ManualTime(), entropy: SystemEntropy())
        )
    }
}

@Suite("Catalogue import")
struct CatalogImportTests {
    private func failure(_ rows: [String], status: Int, body: String) async throws -> any Error {
        let plan = try InvoicesFixture.plan(rows)
        let shop = ScriptedShop(status: status, body: body).client
        return try await #require(throws: (any Error).self) {
            try await CatalogImport(plan: plan, factor: .full, shop: shop).run { _, _ in }
        }
    }

    @Test("a refused product is named by its stock code and the line of its first row")
    func product() async throws {
        let error = try await failure(
            ["1,10001,1,1.0,9", "1,10002,1,1.0,9"],
            status: 400,
            body: """
                {"reason":"request.invalid","detail":"products[1].sku: must be in Unicode's form C",\
                "violations":[{"field":"products[1].sku","rule":"must be in Unicode's form C"}]}
                """
        )
        #expect(
            (error as? CommandFailure)?.description
                == "stock code 10002 of line 3 was refused: POST /v1/products:import: 400 request.invalid "
                + "products[1].sku: must be in Unicode's form C"
        )
    }

    @Test("a refusal that is about no product is passed on")
    func other() async throws {
        let error = try await failure(
            ["1,10001,1,1.0,9"],
            status: 403,
            body: #"{"reason":"auth.forbidden","detail":"no"}"#
        )
        #expect((error as? ShopProblem)?.reason == "auth.forbidden")
    }

    @Test("more opening stock than a delivery's line may have is refused by name")
    func stock() async throws {
        let rows = (0..<10_001).map { "\($0),10001,100000,1.0,9" }
        let error = try await failure(rows, status: 200, body: "{}")
        #expect(
            (error as? CommandFailure)?.description
                == "stock code 10001 of line 2 needs 1000100000 units of opening stock, may need 1000000000"
        )
    }

    @Test("every violated field stands in a problem's text once")
    func fields() {
        let body = """
            {"reason":"request.invalid","detail":"lines[0].sku: is required","violations":[\
            {"field":"lines[0].sku","rule":"is required"},{"field":"lines[1].quantity","rule":"must be 1 to 100000"}]}
            """
        let problem = ShopProblem(status: 400, body: Array(body.utf8), request: "POST /v1/orders")
        #expect(
            problem.description
                == "POST /v1/orders: 400 request.invalid lines[0].sku: is required; lines[1].quantity: must be 1 to 100000"
        )
        let older =
            #"{"reason":"request.invalid","detail":"is required","violations":[{"field":"sku","rule":"is required"}]}"#
        #expect(
            ShopProblem(status: 400, body: Array(older.utf8), request: "GET /").description.hasSuffix(
                "sku: is required"
            )
        )
    }
}
