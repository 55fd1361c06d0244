import BuiltPrograms
import Foundation
import MartletTesting
import Testing

@Suite(
    "Operator endpoints",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .sharedShop,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct HooksTests {
    static let daemons = Programs.topology.processes.map(\.program)

    let stocked: StockedShop

    init() throws { stocked = try SharedShop.shop }

    @Test("every daemon has health, OpenAPI and metrics endpoints", arguments: daemons)
    func endpoints(_ daemon: String) async throws {
        let address = try stocked.shop.address(of: daemon)
        func get(_ path: String, _ address: String) async throws -> ShopResponse {
            try await stocked.send(ShopRequest(path: path, bearer: .anonymous), to: address)
        }
        let health = try stocked.shop.healthAddress(of: daemon)
        for address in [address, health] {
            #expect(try await get("/livez", address).status == 200)
            #expect(try await get("/readyz", address).status == 200)
        }
        let openAPI = try await get("/openapi.json", address)
        #expect(openAPI.status == 200)
        #expect(openAPI["Content-Type"] == "application/json")
        #expect(try openAPI.decoded(OpenAPI.self).openapi == "3.1.0")
        #expect(try await get("/metrics", address).status == 404)
        let metrics = try await get("/metrics", health)
        #expect(metrics.status == 200)
        #expect(metrics["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
    }

    @Test(
        "promtool finds no problem in the metrics",
        .enabled(if: ExternalTool.promtool != nil || Validators.areRequired),
        arguments: daemons
    )
    func metrics(_ daemon: String) async throws {
        // An order first, so that every service has metrics.
        let placed = try await stocked.retried(.order(key: "measured-\(daemon)"))
        _ = try await stocked.order(try placed.decoded(PlacedOrder.self).order.order_id, at: "ORDER_STATUS_COMPLETED")
        let response = try await stocked.send(
            ShopRequest(path: "/metrics", bearer: .anonymous),
            to: try stocked.shop.healthAddress(of: daemon)
        )
        let result = try #require(ExternalTool.promtool).validate(response.body, ["check", "metrics"])
        #expect(result.isValid, "\(result.output)")
        #expect(result.output.isEmpty, "\(result.output)")
    }

    @Test(
        "the gateway's OpenAPI document joins all contracts and is valid",
        .enabled(if: ExternalTool.openAPIValidator != nil || Validators.areRequired)
    )
    func joined() async throws {
        let response = try await stocked.retried(ShopRequest(path: "/openapi.json", bearer: .anonymous))
        let paths = Set(try response.decoded(OpenAPI.self).paths.keys)
        #expect(
            paths.isSuperset(of: [
                "/v1/products", "/v1/stock/{sku}", "/v1/carts", "/v1/orders", "/v1/payments/{payment_id}",
            ])
        )
        let result = try #require(ExternalTool.openAPIValidator).validate(response.body, ["-"])
        #expect(result.isValid, "\(result.output)")
    }

    @Test("gatewayd --openapi prints the document that the gateway serves")
    func printed() async throws {
        let outcome = try Program(built: "gatewayd").run(["--openapi"])
        #expect(outcome.status == 0)
        let served = try await stocked.send(ShopRequest(path: "/openapi.json", bearer: .anonymous))
        #expect(outcome.output == served.body + Data("\n".utf8))
    }

    @Test("status --json lists the processes")
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
        let outcome = try Programs.martlet.run(["status", "--json", "--data", stocked.shop.folder])
        #expect(outcome.status == 0)
        let status = try JSONDecoder().decode(Status.self, from: outcome.output)
        #expect(status.isReady)
        #expect(status.url == stocked.shop.url)
        #expect(status.processes.map(\.name).sorted() == Self.daemons.sorted())
    }

    @Test("topology --json prints what martlet.json states")
    func topology() throws {
        let outcome = try Programs.martlet.run(["topology", "--json"])
        #expect(outcome.status == 0)
        let printed = try JSONDecoder().decode(PrintedTopology.self, from: outcome.output)
        #expect(printed == Programs.topology)
        let elsewhere = try Programs.martlet.run(["topology", "--topology", "/nowhere/martlet.json"])
        #expect(elsewhere.status == 64)
        #expect(elsewhere.text.contains("/nowhere/martlet.json"))
    }

    @Test("a command of another program has its arguments, output and exit status")
    func otherPrograms() throws {
        let arguments = ["sample", "--seed", "1", "--invoices", "3"]
        let sample = try Programs.martlet.run(arguments)
        #expect(sample.status == 0)
        #expect(try Program(built: "martlet-retail").run(arguments).output == sample.output)
        let refused = try Programs.martlet.run(["sample", "--invoices", "0"])
        #expect(refused.status == 64)
        #expect(refused.text.contains("--invoices"))
        #expect(try Programs.martlet.run(["help", "replay"]).text.contains("--own-figures"))
    }

    @Test("crash-points --json lists the crash points, sorted")
    func crashPoints() throws {
        let outcome = try Programs.martlet.run(["crash-points", "--json"])
        let points = try JSONDecoder().decode([String].self, from: outcome.output)
        #expect(points.contains("outbox.committed"))
        #expect(points == points.sorted())
    }

    @Test("--help begins with the program's name", arguments: daemons + [Programs.topology.singleProcess ?? ""])
    func help(_ program: String) throws {
        let outcome = try Program(built: program).run(["--help"])
        #expect(outcome.status == 0)
        #expect(outcome.text.hasPrefix("\(program)\n"))
    }

    @Test("an unknown flag ends a daemon with status 64", arguments: daemons)
    func unknownFlag(_ daemon: String) throws {
        let outcome = try Program(built: daemon).run(["--mugs", "7"])
        #expect(outcome.status == 64)
        #expect(outcome.text.contains("--mugs"))
    }

    @Test("an unknown variable ends a daemon with status 78", arguments: daemons)
    func unknownVariable(_ daemon: String) throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        var flags = ["--registry", "\(folder)/registry.json", "--keys", "\(folder)/keys"]
        if daemon != "gatewayd" { flags += ["--data", folder] }
        if daemon == "eventlogd" { flags += ["--topology", Programs.topologyFile] }
        let outcome = try Program(built: daemon).run(flags, environment: ["MARTLET_MUGS": "7"])
        #expect(outcome.status == 78)
        #expect(outcome.text.contains("MARTLET_MUGS"))
        #expect(!FileManager.default.fileExists(atPath: folder), "it exits before it creates files")
    }

    private struct OpenAPI: Decodable {
        struct Path: Decodable {}
        let openapi: String
        let paths: [String: Path]
    }
}
