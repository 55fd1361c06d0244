import Logging
public import MartletContract
public import MartletCore
public import MartletOutbox
public import MartletSQL
public import MartletTelemetry
import MartletWorkflows

/// Everything of one service but sockets and lifecycle: a host puts it on its feet, a simulation or a test drives it by hand.
public struct ServiceRuntime: Sendable {
    /// Work without end.
    ///
    /// It returns or throws `CancellationError` when its task is cancelled, and nothing else.
    public struct Loop: Sendable {
        /// When it stops at shutdown: what is fed stops after what feeds it.
        public enum Stage: Int, Sendable, CaseIterable, Comparable {
            /// Publishes what others commit: stops last.
            case relay
            case workflows
            /// Takes events, does jobs: stops first.
            case consumers

            public static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
        }

        public let name: String
        public let stage: Stage
        public let run: @Sendable () async throws -> Void

        public init(_ name: String, _ stage: Stage, _ run: @escaping @Sendable () async throws -> Void) {
            self.name = name
            self.stage = stage
            self.run = run
        }
    }

    public let name: String
    /// Each call runs in the service's telemetry scope and is counted.
    public let contracts: [ServedContract]
    /// For the operators' listener.
    public let operatorContracts: [ServedContract]
    public let loops: [Loop]
    /// What it does with events; the loop `subscriptions` takes these once and in order.
    public let subscriptions: [Subscription]
    public let telemetry: Telemetry
    /// True when nothing waits to be published.
    public let isFlushed: @Sendable () async throws -> Bool

    /// A unit that is no blueprint, such as the event log's daemon.
    public init(
        name: String,
        telemetry: Telemetry,
        time: any TimeSource,
        contracts: [ServedContract],
        operatorContracts: [ServedContract] = [],
        loops: [Loop] = [],
        subscriptions: [Subscription] = [],
        isFlushed: @escaping @Sendable () async throws -> Bool = { true }
    ) {
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

    /// Migrates the database and builds the service.
    ///
    /// - Throws: What the database, or the blueprint's initializer throws.
    public init<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type, on parts: ServiceParts) async throws {
        try await parts.database.migrate(Self.migrations(of: Blueprint.self))
        try self.init(built: Blueprint.self, on: parts)
    }

    /// All tables of a service: its own and those of the toolkit.
    public static func migrations<Blueprint: ServiceBlueprint>(of blueprint: Blueprint.Type) -> [Migration] {
        Blueprint.migrations + Outbox.migrations + WorkflowEngine.migrations + OperateAudit.migrations
    }

    /// Builds the service on a database that is already migrated, such as a clone of a template.
    public init<Blueprint: ServiceBlueprint>(built blueprint: Blueprint.Type, on parts: ServiceParts) throws {
        let (database, time, entropy, metrics) = (parts.database, parts.time, parts.entropy, parts.telemetry.metrics)
        let name = Blueprint.name
        let book = ChannelBook(
            policy: parts.policy,
            metrics: metrics,
            time: time,
            entropy: entropy,
            connect: parts.connect
        )
        let bus = CountedBus(parts.bus, metrics)
        let clock = ClockWatch(time: time, metrics: metrics)
        let engine = WorkflowEngine(
            service: name,
            database: database,
            time: time,
            entropy: entropy,
            limits: parts.workflowLimits,
            pausesExpiry: { clock.pausesExpiry },
            observe: ServiceMetrics.observer(of: metrics)
        )
        let platform = Platform(
            service: name,
            database: database,
            bus: bus,
            time: time,
            entropy: entropy,
            workflows: engine,
            channels: { book.channel(to: $0) }
        )
        let service = try Blueprint(on: platform)
        engine.register(service.workflows)
        let relay = OutboxRelay(
            source: name,
            database: database,
            bus: bus,
            time: time,
            entropy: entropy,
            limits: parts.relayLimits
        )
        let runner = SubscriptionRunner(
            service.subscriptions,
            database: database,
            bus: bus,
            time: time,
            entropy: entropy,
            limits: parts.subscriptionLimits
        )
        let serviceMetrics = ServiceMetrics(database: database, time: time, metrics: metrics)
        var loops = [
            Loop("outbox relay", .relay) { try await relay.run() },
            Loop("metrics", .relay) { try await serviceMetrics.run() },
        ]
        if !service.workflows.isEmpty { loops.append(Loop("workflows", .workflows) { try await engine.run() }) }
        if !service.subscriptions.isEmpty {
            loops.append(Loop("subscriptions", .consumers) { try await runner.run() })
        }
        loops.append(Loop("clock watch", .consumers) { try await clock.run() })
        for job in service.jobs + [Purge.job(database: database, workflows: engine)] {
            loops.append(
                Loop("job \(job.name)", .consumers) { try await JobLoop(job, clock: clock, time: time).run() }
            )
        }
        let operate = OperateHandler(database: database, workflows: engine.operations)
        self.init(
            name: name,
            telemetry: parts.telemetry,
            time: time,
            contracts: service.handlers,
            operatorContracts: [.operate(operate)],
            loops: loops,
            subscriptions: service.subscriptions,
            isFlushed: {
                try await database.read("outbox.flushed") { tx in try Outbox.unsent(limit: 1, in: tx).isEmpty }
            }
        )
    }
}
