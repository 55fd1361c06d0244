public import MartletCore
public import MartletMessaging
public import MartletOutbox
public import MartletResilience
public import MartletSQL
public import MartletTelemetry
public import MartletWorkflows

/// What a composition root chooses for one service.
public struct ServiceDependencies: Sendable {
    public var database: any SQLDatabase
    public var bus: any MessageBus
    public var runtime: Runtime
    public var telemetry: Telemetry
    /// The settings of services: a blueprint takes the first of its type, and its presets where there is none.
    public var settings: [any ServiceSettings] = []
    /// The threads of blocking work; `nil`: those of the process, which its services share.
    public var blocking: BlockingPool?
    /// Sends requests to other parties; `nil`: they are refused.
    public var http: (any OutgoingTransport)?
    public var policy: CallPolicy
    /// The channel to another service, without `policy`, which is added.
    public var connect: Channels
    /// The name of this process among those that use the service's database: the same after a restart, and that of no
    /// other one.
    ///
    /// The preset is for a database that one process owns.
    public var instance = "1"
    public var relayLimits = OutboxRelay.Limits()
    public var subscriptionLimits = SubscriptionRunner.Limits()
    public var workflowLimits = WorkflowLimits()
    /// The process that several services run in and share, with a name as `instance`; `nil` for a service that runs alone.
    public var process: InboxProcess?
    /// Called before each run of an event's handler; `nil` outside of simulations.
    package var handling: (@Sendable (_ group: String, _ event: Envelope) -> Void)?

    public init(
        database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime,
        telemetry: Telemetry,
        policy: CallPolicy = .betweenServices,
        connect: @escaping Channels
    ) {
        self.database = database
        self.bus = bus
        self.runtime = runtime
        self.telemetry = telemetry
        self.policy = policy
        self.connect = connect
    }

    /// - Throws: `ConfigFaults` when it has a required setting, and none are given.
    func settings<Blueprint: ServiceBlueprint>(of blueprint: Blueprint.Type) throws -> Blueprint.Settings {
        for case let own as Blueprint.Settings in settings { return own }
        return try Blueprint.Settings.read()
    }
}
