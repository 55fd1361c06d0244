import Logging
import MartletContract
import MartletCore
import MartletHost
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Testing

@testable import Shop

@Suite("Shop in one process")
struct ShopProgramTests {
    let time = ManualTime()

    @Test("runs every service with its own database")
    func services() async throws {
        var databases: [String] = []
        let services = try await build { databases.append($0) }
        let names = (["eventlog"] + ShopServices.all.map { $0.name }).sorted()
        #expect(services.map(\.name).sorted() == names)
        #expect(databases.sorted() == names)
    }

    @Test("every path has exactly one method")
    func paths() async throws {
        var routes = RouteTable<String>()
        for method in try await build().flatMap(\.contracts).flatMap(\.methods) {
            for rule in method.descriptor.http { try routes.add(rule, method.descriptor.path) }
        }
        guard case .found(let method, _, _) = try routes.find("POST", "/v1/orders") else {
            Issue.record("no route for POST /v1/orders")
            return
        }
        #expect(method == "/shop.orders.v1.OrdersService/PlaceOrder")
    }

    private func build(_ opened: (String) -> Void = { _ in }) async throws -> [ServiceRuntime] {
        try await ShopProgram.services(
            runtime: Runtime(time: time, seed: 1),
            telemetry: { Telemetry(service: $0, level: .critical, time: time) },
            database: { name in
                opened(name)
                return try SQLiteDatabase.inMemory(time: time)
            }
        )
    }
}
