import Logging
import MartletContract
import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost
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

    @Test("closes the database of every service, and of the event log")
    func close() async throws {
        let databases = Mutex<[String: SQLiteDatabase]>([:])
        let services = try await ShopProgram.services(
            policy: BusPolicy(topics: [], edges: []),
            runtime: Runtime(time: time, seed: 1),
            telemetry: { Telemetry(service: $0, level: .critical, time: time) },
            database: { name in
                let database = try SQLiteDatabase.inMemory(time: time)
                databases.withLock { $0[name] = database }
                return database
            }
        )
        for service in services { await service.close() }
        for (name, database) in databases.withLock({ $0.sorted { $0.key < $1.key } }) {
            let error = await #expect(throws: SQLError.self) { _ = try await database.read { _ in 1 } }
            #expect(error?.code == "closed", "\(name)")
        }
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
            policy: BusPolicy(topics: [], edges: []),
            runtime: Runtime(time: time, seed: 1),
            telemetry: { Telemetry(service: $0, level: .critical, time: time) },
            database: { name in
                opened(name)
                return try SQLiteDatabase.inMemory(time: time)
            }
        )
    }
}
