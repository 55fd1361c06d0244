import Logging
import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletSimulation
import MartletTelemetry
import MartletTesting
import Provider
import Shop
import SimulatedDisk

/// Starts a service in the simulated world: from its real blueprint, on simulated dependencies.
struct Deployment: Sendable {
    /// The dependencies of one process run.
    struct Dependencies: Sendable {
        let database: any SQLDatabase
        let bus: any MessageBus
        let runtime: Runtime
        let connect: Channels
        /// Whether the next version of the service starts.
        let isNext: Bool
        /// Whether it migrates its database, as a daemon does; the disks of a world are already migrated.
        let migrates: Bool
    }

    let name: String
    /// Whether several replicas may share one database; otherwise the process owns its database in any shape.
    let isReplicated: Bool
    let start: @Sendable (Dependencies) async throws -> ServiceRuntime
    private let prepare: @Sendable (any SQLDatabase, any TimeSource) async throws -> Void
    private let subscriptions: @Sendable (any SQLDatabase, any TimeSource) throws -> [Subscription]

    /// External: it has faults of its own, but it does not lose what it acknowledged.
    private static let external: Set = [ProviderService.name]

    /// All services of the shop, in the order in which they are started.
    static let all: [Deployment] =
        [eventLog] + ShopServices.all.map { of($0, isReplicated: !external.contains($0.name)) }
        + [of(AuditorService.self, isReplicated: true)]

    /// A migrated disk for each service, as the initial state of every world.
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

    /// The consumer groups of each topic, sorted, as the services subscribe.
    static func consumers() throws -> [String: [String]] {
        let simulation = Simulation(seed: 0)
        return try simulation.run {
            var consumers: [String: [String]] = [:]
            for deployment in all {
                let store = Store(DiskImage(), entropy: SeededEntropy(seed: 0))
                try store.open(time: simulation.time) { _ in }
                let database = try store.current()
                for subscription in try deployment.subscriptions(database, simulation.time) {
                    consumers[subscription.topic, default: []].append(subscription.group)
                }
                await database.close()
            }
            return consumers.mapValues { $0.sorted() }
        }
    }

    private static func of<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        isReplicated: Bool
    ) -> Deployment {
        Deployment(
            name: Blueprint.name,
            isReplicated: isReplicated,
            start: { dependencies in
                let own = ServiceDependencies(
                    database: dependencies.database,
                    bus: dependencies.bus,
                    runtime: dependencies.runtime,
                    telemetry: Telemetry(service: Blueprint.name, level: .critical, time: dependencies.runtime.time),
                    connect: dependencies.connect
                )
                if dependencies.isNext { return try await ServiceRuntime(NextVersion<Blueprint>.self, on: own) }
                guard dependencies.migrates else { return try ServiceRuntime(built: Blueprint.self, on: own) }
                return try await ServiceRuntime(Blueprint.self, on: own)
            },
            prepare: { database, _ in try await database.migrate(ServiceRuntime.migrations(of: Blueprint.self)) },
            subscriptions: { database, time in
                let idle = ServiceDependencies(
                    database: database,
                    bus: InMemoryBus(time: time),
                    runtime: Runtime(time: time, seed: 0),
                    telemetry: Telemetry(service: Blueprint.name, level: .critical, time: time),
                    connect: { _ in LocalChannel(to: LocalServices(), time: time) }
                )
                return try ServiceRuntime(built: Blueprint.self, on: idle).subscriptions
            }
        )
    }

    private static let eventLog = Deployment(
        name: "eventlog",
        isReplicated: false,
        start: { dependencies in
            let log = try await EventLog.open(dependencies.database, runtime: dependencies.runtime)
            return ServiceRuntime(
                name: "eventlog",
                telemetry: Telemetry(service: "eventlog", level: .critical, time: dependencies.runtime.time),
                time: dependencies.runtime.time,
                contracts: [.eventLog(log)],
                loops: [.init("event log", .relay) { try await log.run() }]
            )
        },
        prepare: { database, time in
            _ = try await EventLog.open(database, runtime: Runtime(time: time, seed: 0))
        },
        subscriptions: { _, _ in [] }
    )
}
