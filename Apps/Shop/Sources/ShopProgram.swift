import Carts
import Catalog
import Inventory
import MartletCore
import MartletEventLog
import MartletHost
import MartletSQLite
import MartletTelemetry
import Orders
import Payments
import Provider

/// `shop`: every service in one process, each with its own database, calling one another directly.
public enum ShopProgram {
    /// Serves until a signal, then ends the process.
    public static func run() async -> Never {
        await Daemon.runTogether("shop") { place in
            let time = place.time
            func database(_ name: String) throws -> SQLiteDatabase {
                try SQLiteDatabase(path: "\(place.settings.data)/\(name).sqlite", time: time)
            }

            let log = try await EventLog.open(try database("eventlog"), time: time, entropy: place.entropy)
            let services = LocalServices()
            func service<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type) async throws -> ServiceRuntime {
                let parts = ServiceParts(
                    database: try database(Blueprint.name),
                    bus: log,
                    time: time,
                    entropy: place.entropy,
                    telemetry: Telemetry(service: Blueprint.name, level: place.settings.logLevel, time: time),
                    connect: { _ in LocalChannel(to: services, time: time) }
                )
                let runtime = try await ServiceRuntime(Blueprint.self, on: parts)
                services.add(runtime.contracts)
                return runtime
            }

            return [
                ServiceRuntime(
                    name: "eventlog",
                    telemetry: Telemetry(service: "eventlog", level: place.settings.logLevel, time: time),
                    time: time,
                    contracts: [.eventLog(EventLogHandler(log))],
                    loops: [.init("event log", .relay) { try await log.run() }]
                ),
                try await service(CatalogService.self),
                try await service(InventoryService.self),
                try await service(CartsService.self),
                try await service(ProviderService.self),
                try await service(PaymentsService.self),
                try await service(OrdersService.self),
            ]
        }
    }
}
