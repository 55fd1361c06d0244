import Logging
public import MartletContract
public import MartletCore
import MartletMessaging
public import MartletOutbox
package import MartletREST
public import MartletSQL
public import MartletTelemetry
import MartletWorkflows

/// One service without sockets and lifecycle: run by a host, or driven by a simulation or a test.
public struct ServiceRuntime: Sendable {
    /// A background loop.
    ///
    /// It ends only when its task is cancelled, by returning or throwing `CancellationError`.
    public struct Loop: Sendable {
        /// When it stops at shutdown: consumers of work stop after its producers.
        public enum Stage: Int, Sendable, CaseIterable, Comparable {
            /// Publishes what the other stages commit: stops last.
            case relay
            case workflows
            /// Consumes events, runs jobs: stops first.
            case consumers

            public static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
        }

        public let name: String
        public let stage: Stage
        public let run: @Sendable () async throws -> Void

        public init(_ name: String, _ stage: Stage, run: @escaping @Sendable () async throws -> Void) {
            self.name = name
            self.stage = stage
            self.run = run
        }
    }

    public let name: String
    /// Each call runs in the service's telemetry scope and is counted.
    public let contracts: [ServedContract]
    /// Served beside the contracts.
    package private(set) var raw: [ServedRaw] = []
    /// Served on the operators' listener.
    package let operatorContracts: [ServedContract]
    public let loops: [Loop]
    /// Its event handlers, run by the loop `subscriptions`.
    package let subscriptions: [Subscription]
    let telemetry: Telemetry
    /// True when the outbox is empty.
    let isFlushed: @Sendable () async throws -> Bool
    /// What prevents the service from doing its work, in a few words for callers; `nil` for nothing.
    let problem: Readiness.Check
    /// Closes its database.
    let close: @Sendable () async -> Void

    /// A unit without a blueprint, such as the event log's daemon.
    ///
    /// - Parameters:
    ///   - name: Its name in the registry.
    ///   - telemetry: Its log and its metrics.
    ///   - time: The clock for the durations of calls.
    ///   - contracts: What it serves.
    ///   - operatorContracts: What it serves on the operators' listener.
    ///   - loops: Its background loops.
    ///   - subscriptions: Its event handlers, for tests that deliver events themselves.
    ///   - isFlushed: True when its outbox is empty.
    ///   - database: Its database: `/readyz` names it while it does not answer. `nil` for a unit without one.
    ///   - close: Closes its database, when everything else of the process has stopped.
    public init(
        name: String,
        telemetry: Telemetry,
        time: any TimeSource,
        contracts: [ServedContract],
        operatorContracts: [ServedContract] = [],
        loops: [Loop] = [],
        subscriptions: [Subscription] = [],
        isFlushed: @escaping @Sendable () async throws -> Bool = { true },
        database: (any SQLDatabase)? = nil,
        close: @escaping @Sendable () async -> Void = {}
    ) {
        let health = DatabaseHealth(of: name)
        self.init(
            named: name,
            telemetry: telemetry,
            time: time,
            contracts: contracts,
            operatorContracts: operatorContracts,
            loops: loops + (database.map { [Self.watch($0, for: health, time: time)] } ?? []),
            subscriptions: subscriptions,
            isFlushed: isFlushed,
            problem: { health.problem },
            close: close
        )
    }

    private static func watch(
        _ database: any SQLDatabase,
        for health: DatabaseHealth,
        time: any TimeSource
    ) -> Loop {
        Loop("database health", .relay) { try await health.watch(database, time: time) }
    }

    private init(
        named name: String,
        telemetry: Telemetry,
        time: any TimeSource,
        contracts: [ServedContract],
        operatorContracts: [ServedContract],
        loops: [Loop],
        subscriptions: [Subscription],
        isFlushed: @escaping @Sendable () async throws -> Bool,
        problem: @escaping Readiness.Check,
        close: @escaping @Sendable () async -> Void
    ) {
        self.problem = problem
        self.close = close
        self.name = name
        self.telemetry = telemetry
        let observation = CallObservation(telemetry, time: time)
        self.contracts = contracts.map(observation.observe)
        self.operatorContracts = operatorContracts.map(observation.observe)
        self.isFlushed = isFlushed
        self.subscriptions = subscriptions
        self.loops = loops.map { loop in
            Loop(loop.name, loop.stage) { try await telemetry.scope { try await loop.run() } }
        }
    }

    /// Migrates the database and builds the service; waits as long as an older instance prevents a step that breaks it.
    ///
    /// - Throws: Errors of the database and of the blueprint's initializer.
    public init<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        on dependencies: ServiceDependencies
    ) async throws {
        let instance = Self.instance(of: Blueprint.self, on: dependencies)
        try await instance.start()
        if dependencies.database.namedLocks == .unavailable {
            Logger.current.warning(
                "the database takes no named locks, so transactions that change the same rows run again after conflicts",
                metadata: ["service": "\(Blueprint.name)"]
            )
        }
        try self.init(built: Blueprint.self, on: dependencies, as: instance)
    }

    /// This process among those that use the service's database.
    private static func instance<Blueprint: ServiceBlueprint>(
        of blueprint: Blueprint.Type,
        on dependencies: ServiceDependencies
    ) -> SchemaInstance {
        SchemaInstance(
            of: dependencies.database,
            migrations: migrations(of: Blueprint.self),
            runtime: dependencies.runtime
        )
    }

    /// The migrations of a service: its own and the toolkit's.
    public static func migrations<Blueprint: ServiceBlueprint>(of blueprint: Blueprint.Type) -> [Migration] {
        Blueprint.migrations + Outbox.migrations + WorkflowEngine.migrations + OperateAudit.migrations
            + JobTables.migrations
    }

    /// How long the rows of a service's tables stay: its own and the toolkit's.
    package static func retentions<Blueprint: ServiceBlueprint>(of blueprint: Blueprint.Type) -> [TableRetention] {
        Blueprint.retentions + toolkitRetentions
    }

    /// How long the rows of the tables stay that every service has.
    package static let toolkitRetentions =
        Outbox.retentions + WorkflowEngine.retentions + OperateAudit.retentions + JobTables.retentions
        + TableRetention.ofMigrations

    /// Builds the service on a migrated database, such as a clone of a template.
    package init<Blueprint: ServiceBlueprint>(
        built blueprint: Blueprint.Type,
        on dependencies: ServiceDependencies
    ) throws {
        let instance = Self.instance(of: Blueprint.self, on: dependencies)
        try self.init(built: Blueprint.self, on: dependencies, as: instance)
    }

    private init<Blueprint: ServiceBlueprint>(
        built blueprint: Blueprint.Type,
        on dependencies: ServiceDependencies,
        as instance: SchemaInstance
    ) throws {
        let (database, runtime, metrics) = (dependencies.database, dependencies.runtime, dependencies.telemetry.metrics)
        let pool = ChannelPool(
            of: Blueprint.name,
            policy: dependencies.policy,
            metrics: metrics,
            runtime: runtime,
            connect: dependencies.connect
        )
        let bus = CountedBus(dependencies.bus, metrics)
        let clock = ClockWatch(time: runtime.time, metrics: metrics)
        let engine = Self.engine(of: Blueprint.name, clock: clock, dependencies: dependencies)
        let platform = Platform(
            service: Blueprint.name,
            settings: try dependencies.settings(of: Blueprint.self),
            blocking: dependencies.blocking,
            outgoing: dependencies.http,
            database: database,
            bus: bus,
            runtime: runtime,
            workflows: engine,
            channels: { pool.channel(to: $0) }
        )
        let service = try Blueprint(on: platform)
        engine.register(service.workflows)
        if !service.workflows.isEmpty { ServiceMetrics.readAdmission(to: engine, metrics) }
        let lease = Loop("schema lease", .relay) { try await instance.run() }
        let health = DatabaseHealth(of: Blueprint.name)
        let loops =
            [lease]
            + Self.loops(of: service, on: platform, clock: clock, health: health, dependencies: dependencies)
        let operate = OperateHandler(
            workflows: engine.operations,
            bodies: OperateHandler.bodies(of: service.subscriptions),
            gaps: Gaps(service.subscriptions)
        )
        self.init(
            named: Blueprint.name,
            telemetry: dependencies.telemetry,
            time: runtime.time,
            contracts: service.handlers,
            operatorContracts: [.operate(operate, on: platform)],
            loops: loops,
            subscriptions: service.subscriptions.map { $0.observed(by: dependencies.handling) },
            isFlushed: {
                try await database.read("outbox.flushed") { tx in try Outbox.unsent(limit: 1, in: tx).isEmpty }
            },
            problem: { health.problem },
            close: { await database.close() }
        )
        raw = Blueprint.raw.map { $0.served(on: platform, in: dependencies.telemetry) }
    }

    private static func engine(
        of service: String,
        clock: ClockWatch,
        dependencies: ServiceDependencies
    ) -> WorkflowEngine {
        WorkflowEngine(
            service: service,
            database: dependencies.database,
            runtime: dependencies.runtime,
            limits: dependencies.workflowLimits,
            pausesExpiry: { clock.pausesExpiry },
            observeWait: ServiceMetrics.waitObserver(of: dependencies.telemetry.metrics),
            observe: ServiceMetrics.observer(of: dependencies.telemetry.metrics)
        )
    }

    /// The loops of a service: those of the toolkit, and one for each of its jobs.
    private static func loops<Blueprint: ServiceBlueprint>(
        of service: Blueprint,
        on platform: Platform,
        clock: ClockWatch,
        health: DatabaseHealth,
        dependencies: ServiceDependencies
    ) -> [Loop] {
        let (database, time, engine) = (platform.database, platform.runtime.time, platform.workflows)
        let topics = service.handlers.flatMap(\.topics).map { TopicPlan($0) }
        let relay = OutboxRelay(
            source: Blueprint.name,
            instance: dependencies.instance,
            database: database,
            bus: platform.bus,
            runtime: platform.runtime,
            topics: topics,
            limits: dependencies.relayLimits
        )
        let runner = SubscriptionRunner(
            service.subscriptions.map { $0.observed(by: dependencies.handling) },
            database: database,
            bus: platform.bus,
            runtime: platform.runtime,
            limits: dependencies.subscriptionLimits,
            process: dependencies.process ?? InboxProcess(instance: ExactText(dependencies.instance))
        )
        let serviceMetrics = ServiceMetrics(
            database: database,
            time: time,
            metrics: dependencies.telemetry.metrics,
            work: service.operatorWork
        )
        let resender = Resender(
            source: Blueprint.name,
            database: database,
            bus: platform.bus,
            runtime: platform.runtime,
            topics: topics
        )
        var loops = [
            Loop("outbox relay", .relay) { try await relay.run() },
            Loop("metrics", .relay) { try await serviceMetrics.run() },
            watch(database, for: health, time: time),
        ]
        if !service.workflows.isEmpty { loops.append(Loop("workflows", .workflows) { try await engine.run() }) }
        if !service.subscriptions.isEmpty {
            loops.append(Loop("subscriptions", .consumers) { try await runner.run() })
        }
        loops.append(Loop("resends", .consumers) { try await resender.run() })
        loops.append(Loop("clock watch", .consumers) { try await clock.run() })
        let jobs = service.jobs + [Purge.job(database: database, topics: topics, workflows: engine)]
        return loops + jobs.map { loop(of: $0, clock: clock, dependencies: dependencies) }
    }

    private static func loop(of job: Job, clock: ClockWatch, dependencies: ServiceDependencies) -> Loop {
        let loop = JobLoop(
            job,
            on: dependencies.database,
            instance: dependencies.instance,
            clock: clock,
            time: dependencies.runtime.time
        )
        return Loop("job \(job.name)", .consumers) { try await loop.run() }
    }
}
