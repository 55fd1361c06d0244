import Carts
import Catalog
import Inventory
import Logging
import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletSimulation
import MartletTelemetry
import MartletTesting
import Orders
import Payments
import Provider
import SimulatedDisk

/// How a service is put on its feet in the simulated world: from its real blueprint, on what the world gives it.
struct Deployment: Sendable {
    /// What one run of a process gets.
    struct Parts: Sendable {
        let database: any SQLDatabase
        let bus: any MessageBus
        let time: any TimeSource
        let entropy: SeededEntropy
        let connect: Channels
        /// Whether it is the next version of the service that starts.
        let isNext: Bool
        /// Whether it brings its tables up to date, as a daemon does; a world begins with them.
        let migrates: Bool
    }

    let name: String
    /// Whether several replicas may share one database; the others own theirs, whatever the topology.
    let isReplicated: Bool
    let start: @Sendable (Parts) async throws -> ServiceRuntime
    private let prepare: @Sendable (any SQLDatabase, any TimeSource) async throws -> Void

    /// All processes of the shop; in the sequence in which they are started.
    static let all: [Deployment] = [
        eventLog,
        of(CatalogService.self),
        of(InventoryService.self),
        of(CartsService.self),
        // The world outside: it has faults of its own, but it does not lose what it answered.
        of(ProviderService.self, isReplicated: false),
        of(PaymentsService.self),
        of(OrdersService.self),
        of(AuditorService.self),
    ]

    /// A migrated disk for each service, to begin every world from.
    static func templates() throws -> [String: DiskImage] {
        let simulation = Simulation(seed: 0)
        return try simulation.run {
            var images: [String: DiskImage] = [:]
            for deployment in all {
                let store = Store(DiskImage(), entropy: SeededEntropy(seed: 0))
                try store.open(time: simulation.time) { _ in }
                let database = try store.current()
                try await deployment.prepare(database, simulation.time)
                await database.close()
                images[deployment.name] = store.disk.image
            }
            return images
        }
    }

    private static func of<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        isReplicated: Bool = true
    ) -> Deployment {
        Deployment(
            name: Blueprint.name,
            isReplicated: isReplicated,
            start: { parts in
                let own = ServiceParts(
                    database: parts.database,
                    bus: parts.bus,
                    time: parts.time,
                    entropy: parts.entropy,
                    telemetry: Telemetry(service: Blueprint.name, level: .critical, time: parts.time),
                    connect: parts.connect
                )
                if parts.isNext { return try await ServiceRuntime(NextVersion<Blueprint>.self, on: own) }
                guard parts.migrates else { return try ServiceRuntime(built: Blueprint.self, on: own) }
                return try await ServiceRuntime(Blueprint.self, on: own)
            },
            prepare: { database, _ in try await database.migrate(ServiceRuntime.migrations(of: Blueprint.self)) }
        )
    }

    private static let eventLog = Deployment(
        name: "eventlog",
        isReplicated: false,
        start: { parts in
            let log = try await EventLog.open(parts.database, time: parts.time, entropy: parts.entropy)
            return ServiceRuntime(
                name: "eventlog",
                telemetry: Telemetry(service: "eventlog", level: .critical, time: parts.time),
                time: parts.time,
                contracts: [.eventLog(EventLogHandler(log))],
                loops: [.init("event log", .relay) { try await log.run() }]
            )
        },
        prepare: { database, time in
            _ = try await EventLog.open(database, time: time, entropy: SeededEntropy(seed: 0))
        }
    )
}
