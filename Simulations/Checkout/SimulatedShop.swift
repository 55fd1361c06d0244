import Carts
import Catalog
import Inventory
import Logging
import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletSQLite
import MartletSimulation
import MartletTelemetry
import MartletTesting
import Orders
import Payments
import Provider

/// Every service in one process, composed as `shop` composes them, on given time and chance and with databases in memory.
struct SimulatedShop: Sendable {
    let runtimes: [ServiceRuntime]
    let bus: WitnessedBus
    let traffic = Traffic()
    let time: VirtualTime
    private let services = LocalServices()

    init(time: VirtualTime, entropy: SeededEntropy) async throws {
        let log = try await EventLog.open(
            try SQLiteDatabase.inMemory(time: time),
            time: time,
            entropy: entropy.fork()
        )
        let bus = WitnessedBus(log)
        let (services, traffic) = (services, traffic)
        func telemetry(_ name: String) -> Telemetry { Telemetry(service: name, level: .critical, time: time) }
        func service<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type) async throws -> ServiceRuntime {
            let network = entropy.fork()
            let parts = ServiceParts(
                database: try SQLiteDatabase.inMemory(time: time),
                bus: bus,
                time: time,
                entropy: entropy.fork(),
                telemetry: telemetry(Blueprint.name),
                connect: { _ in
                    DistantChannel(
                        over: LocalChannel(to: services, time: time),
                        time: time,
                        entropy: network,
                        traffic: traffic
                    )
                }
            )
            let runtime = try await ServiceRuntime(Blueprint.self, on: parts)
            services.add(runtime.contracts)
            return runtime
        }
        runtimes = [
            ServiceRuntime(
                name: "eventlog",
                telemetry: telemetry("eventlog"),
                time: time,
                contracts: [],
                loops: [.init("event log", .relay) { try await log.run() }]
            ),
            try await service(CatalogService.self),
            try await service(InventoryService.self),
            try await service(CartsService.self),
            try await service(ProviderService.self),
            try await service(PaymentsService.self),
            try await service(OrdersService.self),
        ]
        self.bus = bus
        self.time = time
    }

    /// The way of somebody outside to every service.
    func channel(_ entropy: SeededEntropy) -> DistantChannel {
        DistantChannel(over: LocalChannel(to: services, time: time), time: time, entropy: entropy, traffic: traffic)
    }

    /// True when all that was committed is published, and all that was published is consumed.
    var isQuiet: Bool {
        get async throws {
            for runtime in runtimes {
                guard try await runtime.isFlushed() else { return false }
            }
            return try await bus.status().allSatisfy { $0.groups.allSatisfy { $0.lag == 0 } }
        }
    }
}
