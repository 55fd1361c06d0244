package import Logging
import MartletContract
package import MartletCore
import MartletEventLog
package import MartletHost
package import MartletMessaging
import MartletOutbox
package import MartletResilience
package import MartletSQL
import MartletSQLite
import MartletSimulation
import MartletTelemetry
import MartletTesting
package import SimulatedDisk

/// Starts a service in the simulated world: from its real blueprint, on simulated dependencies.
package struct Deployment: Sendable {
    /// The dependencies of one process run.
    package struct Dependencies: Sendable {
        package var database: any SQLDatabase
        package let bus: any MessageBus
        package let runtime: Runtime
        /// Called before each run of an event's handler.
        let handling: @Sendable (_ group: String, _ event: Envelope) -> Void
        /// The channel to another service, without a call policy.
        package var connect: Channels
        /// The version of the service that starts.
        let version: ReplicaVersion
        /// The name of the replica, which a restart keeps.
        let instance: String
        /// Whether it migrates its database, as a daemon does; the disks of a world are already migrated.
        let migrates: Bool
    }

    /// The name of the event log's deployment.
    package static let eventLogName = "eventlog"

    package let name: String
    /// Whether several replicas may share one database; otherwise the process owns its database in any shape.
    package let isReplicated: Bool
    /// Whether it is another party's service: it has faults of its own, but it does not lose what it acknowledged, and
    /// it keeps running while all other computers are suspended.
    package let isExternal: Bool
    let start: @Sendable (Dependencies) async throws -> ServiceRuntime
    private let prepare: @Sendable (any SQLDatabase, any TimeSource) async throws -> Void
    private let events: @Sendable (any SQLDatabase, any TimeSource) throws -> Events

    /// What a service publishes on and subscribes to.
    private struct Events: Sendable {
        var topics: [ServedTopic] = []
        var subscriptions: [Subscription] = []
    }

    /// A migrated disk for each service, as the initial state of every world.
    package static func templates(of deployments: [Deployment]) throws -> [String: DiskImage] {
        let simulation = Simulation(seed: 0)
        return try simulation.run {
            var images: [String: DiskImage] = [:]
            for deployment in deployments {
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
    package static func consumers(of deployments: [Deployment]) throws -> [String: [String]] {
        var consumers: [String: [String]] = [:]
        for subscription in try events(of: deployments).flatMap(\.events.subscriptions) {
            consumers[subscription.topic, default: []].append(subscription.group)
        }
        return consumers.mapValues { $0.sorted() }
    }

    /// Who owns and reads topics: each service those of its contracts, and those of the services to whose events it subscribes.
    ///
    /// Each has a topic for ``RelayCheck``, too.
    package static func policy(of deployments: [Deployment]) throws -> BusPolicy {
        let events = try events(of: deployments)
        let served = events.flatMap { name, own in
            own.topics.map { BusPolicy.Topic($0.name, publisher: name, partitions: $0.partitions) }
        }
        // One without a publisher in this world is of its contract's service.
        let others = events.flatMap { name, own in
            own.subscriptions.map { BusPolicy.Topic($0.topic, publisher: $0.source ?? name) }
        }
        let topics = served + others
        let owners = BusPolicy(topics: topics, edges: [])
        let edges = events.flatMap { name, own in
            own.subscriptions.compactMap { subscription in
                owners.owner(of: subscription.topic).map { (service: name, source: $0.text) }
            }
        }
        let relays = events.map { BusPolicy.Topic(RelayCheck.topic(of: $0.name).name, publisher: $0.name) }
        return BusPolicy(topics: topics + relays, edges: edges)
    }

    private static func events(of deployments: [Deployment]) throws -> [(name: String, events: Events)] {
        let simulation = Simulation(seed: 0)
        return try simulation.run {
            var found: [(name: String, events: Events)] = []
            for deployment in deployments {
                let store = Store(DiskImage(), entropy: SeededEntropy(seed: 0))
                try store.open(time: simulation.time) { _ in }
                let database = try store.current()
                found.append((deployment.name, try deployment.events(database, simulation.time)))
                await database.close()
            }
            return found
        }
    }

    /// A service of its blueprint, which has no other version.
    package static func of<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        isExternal: Bool,
        settings: [any ServiceSettings] = [],
        http: (any OutgoingTransport)? = nil,
        logLevel: Logger.Level = .critical
    ) -> Deployment {
        of(
            Blueprint.self,
            next: Blueprint.self,
            afterNext: Blueprint.self,
            isExternal: isExternal,
            settings: settings,
            http: http,
            logLevel: logLevel
        )
    }

    /// A service of its blueprint, and of the blueprints of its later versions, which read and write the same database.
    package static func of<Present: ServiceBlueprint, Next: ServiceBlueprint, AfterNext: ServiceBlueprint>(
        _ present: Present.Type,
        next: Next.Type,
        afterNext: AfterNext.Type,
        isExternal: Bool,
        settings: [any ServiceSettings] = [],
        http: (any OutgoingTransport)? = nil,
        logLevel: Logger.Level = .critical
    ) -> Deployment {
        Deployment(
            name: Present.name,
            isReplicated: !isExternal,
            isExternal: isExternal,
            start: { dependencies in
                var own = ServiceDependencies(
                    database: dependencies.database,
                    bus: dependencies.bus,
                    runtime: dependencies.runtime,
                    telemetry: Telemetry(service: Present.name, level: logLevel, time: dependencies.runtime.time),
                    connect: dependencies.connect
                )
                own.settings = settings
                own.blocking = .inline
                own.http = http
                own.instance = dependencies.instance
                own.handling = dependencies.handling
                switch dependencies.version {
                case .present where !dependencies.migrates: return try ServiceRuntime(built: Present.self, on: own)
                case .present: return try await ServiceRuntime(Present.self, on: own)
                case .next: return try await ServiceRuntime(Next.self, on: own)
                case .afterNext: return try await ServiceRuntime(AfterNext.self, on: own)
                }
            },
            prepare: { database, _ in try await database.migrate(ServiceRuntime.migrations(of: Present.self)) },
            events: { database, time in
                var idle = ServiceDependencies(
                    database: database,
                    bus: InMemoryBus(time: time),
                    runtime: Runtime(time: time, seed: 0),
                    telemetry: Telemetry(service: Present.name, level: .critical, time: time),
                    connect: { _ in LocalChannel(to: LocalServices(), time: time) }
                )
                idle.settings = settings
                let built = try ServiceRuntime(built: Present.self, on: idle)
                return Events(topics: built.contracts.flatMap(\.topics), subscriptions: built.subscriptions)
            }
        )
    }

    /// The message bus of every world, before it knows the world's services: one process, which owns its database in any
    /// shape.
    package static let eventLog = log(limits: EventLogLimits(), policy: BusPolicy(topics: [], edges: []))

    /// The deployments with an event log that decides by their topics and subscriptions; the first one is the log.
    package static func underPolicy(_ deployments: [Deployment]) throws -> [Deployment] {
        let services = deployments.dropFirst()
        return [log(limits: EventLogLimits(), policy: try policy(of: Array(services)))] + services
    }

    /// - Parameter policy: Who owns and reads topics.
    static func log(limits: EventLogLimits, policy: BusPolicy) -> Deployment {
        Deployment(
            name: eventLogName,
            isReplicated: false,
            isExternal: false,
            start: { dependencies in
                let log = try await EventLog.open(
                    dependencies.database,
                    runtime: dependencies.runtime,
                    policy: policy,
                    limits: limits
                )
                return ServiceRuntime(
                    name: eventLogName,
                    telemetry: Telemetry(service: eventLogName, level: .critical, time: dependencies.runtime.time),
                    time: dependencies.runtime.time,
                    contracts: [.eventLog(log)],
                    loops: [.init("event log", .relay) { try await log.run() }]
                )
            },
            prepare: { database, time in
                _ = try await EventLog.open(database, runtime: Runtime(time: time, seed: 0), policy: policy)
            },
            events: { _, _ in Events() }
        )
    }
}
