import BuiltPrograms
import Foundation
import MartletTesting
import Testing

@Suite("Hooks for operators", .enabled(if: Programs.areBuilt), .serialized, .sharedShop, .timeLimit(.minutes(10)))
struct HooksTests {
    static let daemons = [
        "gatewayd", "eventlogd", "catalogd", "inventoryd", "cartsd", "ordersd", "paymentsd", "testproviderd",
    ]

    let stocked: StockedShop

    init() throws { stocked = try SharedShop.shop }

    @Test("stand on every daemon", arguments: daemons)
    func endpoints(_ daemon: String) async throws {
        let address = try stocked.shop.address(of: daemon)
        func get(_ path: String) async throws -> ShopAnswer {
            try await stocked.send(ShopRequest(path: path, bearer: .nobody), to: address)
        }
        #expect(try await get("/livez").status == 200)
        #expect(try await get("/readyz").status == 200)
        let openAPI = try await get("/openapi.json")
        #expect(openAPI.status == 200)
        #expect(openAPI["Content-Type"] == "application/json")
        #expect(try openAPI.decoded(OpenAPI.self).openapi == "3.1.0")
        let metrics = try await get("/metrics")
        #expect(metrics.status == 200)
        #expect(metrics["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
    }

    @Test(
        "give metrics that promtool finds clean",
        .enabled(if: OutsideTool.promtool != nil || Judges.areDemanded),
        arguments: daemons
    )
    func metrics(_ daemon: String) async throws {
        // Something has happened before, in every service.
        let placed = try await stocked.send(.order(key: "measured-\(daemon)"))
        _ = try await stocked.order(try placed.decoded(PlacedOrder.self).order.order_id, at: "ORDER_STATUS_COMPLETED")
        let answer = try await stocked.send(
            ShopRequest(path: "/metrics", bearer: .nobody),
            to: try stocked.shop.address(of: daemon)
        )
        let verdict = try #require(OutsideTool.promtool).judge(answer.body, ["check", "metrics"])
        #expect(verdict.isContent, "\(verdict.words)")
        #expect(verdict.words.isEmpty, "\(verdict.words)")
    }

    @Test(
        "join the contracts in a valid document",
        .enabled(if: OutsideTool.openAPIValidator != nil || Judges.areDemanded)
    )
    func joined() async throws {
        let answer = try await stocked.send(ShopRequest(path: "/openapi.json", bearer: .nobody))
        let paths = Set(try answer.decoded(OpenAPI.self).paths.keys)
        #expect(
            paths.isSuperset(of: [
                "/v1/products", "/v1/stock/{sku}", "/v1/carts", "/v1/orders", "/v1/payments/{payment_id}",
            ])
        )
        let verdict = try #require(OutsideTool.openAPIValidator).judge(answer.body, ["-"])
        #expect(verdict.isContent, "\(verdict.words)")
    }

    @Test("tell scripts what runs")
    func status() throws {
        struct Status: Decodable {
            struct Process: Decodable {
                let name: String
                let isReady: Bool
                let restarts: Int
            }
            let url: String
            let isReady: Bool
            let processes: [Process]
        }
        let told = try Programs.martlet.run(["status", "--json", "--data", stocked.shop.folder])
        #expect(told.status == 0)
        let status = try JSONDecoder().decode(Status.self, from: told.output)
        #expect(status.isReady)
        #expect(status.url == stocked.shop.url)
        #expect(status.processes.map(\.name).sorted() == Self.daemons.sorted())
    }

    @Test("tell scripts where a process can be killed")
    func crashPoints() throws {
        let told = try Programs.martlet.run(["crash-points", "--json"])
        let points = try JSONDecoder().decode([String].self, from: told.output)
        #expect(points.contains("outbox.committed"))
        #expect(points == points.sorted())
    }

    @Test("say in a program's help which it is", arguments: daemons + ["shop"])
    func help(_ program: String) throws {
        let ended = try Program(built: program).run(["--help"])
        #expect(ended.status == 0)
        #expect(ended.words.hasPrefix("\(program)\n"))
    }

    @Test("end a daemon with 64 for a flag that nobody knows", arguments: daemons)
    func unknownFlag(_ daemon: String) throws {
        let ended = try Program(built: daemon).run(["--mugs", "7"])
        #expect(ended.status == 64)
        #expect(ended.words.contains("--mugs"))
    }

    @Test("end a daemon with 78 for a variable that nobody knows", arguments: daemons)
    func unknownVariable(_ daemon: String) throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        var flags = ["--registry", "\(folder)/registry.json", "--keys", "\(folder)/keys"]
        if daemon != "gatewayd" { flags += ["--data", folder] }
        let ended = try Program(built: daemon).run(flags, environment: ["MARTLET_MUGS": "7"])
        #expect(ended.status == 78)
        #expect(ended.words.contains("MARTLET_MUGS"))
        #expect(!FileManager.default.fileExists(atPath: folder), "it ends before it makes anything")
    }

    private struct OpenAPI: Decodable {
        struct Path: Decodable {}
        let openapi: String
        let paths: [String: Path]
    }
}
