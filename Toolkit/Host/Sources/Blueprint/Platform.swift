public import MartletContract
public import MartletCore
public import MartletMessaging
public import MartletResilience
public import MartletSQL
public import MartletWorkflows

/// The dependencies of a service.
///
/// A service takes from it what its handlers need, and makes the clients of the services that it calls:
///
/// ```swift
/// struct PreviewsService: ServiceBlueprint {
///     static let name = "previews"
///     static let migrations: [Migration] = []
///
///     let links: LinksClient
///     let runtime: Runtime
///
///     init(on platform: Platform) {
///         links = LinksClient(on: platform)
///         runtime = platform.runtime
///     }
/// }
/// ```
public struct Platform: CallPlatform {
    /// The service's own name.
    public let service: String
    /// The service's own database, already migrated.
    public let database: any SQLDatabase
    let bus: any MessageBus
    /// Clocks and random numbers; its `Runtime.identifier()` makes identifiers.
    public let runtime: Runtime
    /// Starts and signals workflow runs; the host registers the service's workflows.
    public let workflows: WorkflowEngine
    private let channels: Channels
    private let settings: any ServiceSettings
    private let blocking: BlockingPool?
    private let outgoing: any OutgoingTransport

    /// - Parameters:
    ///   - service: The service's own name.
    ///   - settings: Those of its blueprint.
    ///   - blocking: The threads of ``offload(until:_:)``; `nil`: those of the process.
    ///   - outgoing: The transport of ``http(_:)``; `nil`: every request is refused.
    ///   - database: The service's own, already migrated.
    ///   - bus: The broker.
    ///   - runtime: Clocks and random numbers.
    ///   - workflows: The service's engine.
    ///   - channels: Makes the channel to another service.
    public init(
        service: String,
        settings: any ServiceSettings,
        blocking: BlockingPool? = nil,
        outgoing: (any OutgoingTransport)? = nil,
        database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime,
        workflows: WorkflowEngine,
        channels: @escaping Channels
    ) {
        self.service = service
        self.settings = settings
        self.blocking = blocking
        self.outgoing = outgoing ?? NoOutgoing()
        self.database = database
        self.bus = bus
        self.runtime = runtime
        self.workflows = workflows
        self.channels = channels
    }

    /// The settings of the service that is built, as in `platform.settings(of: Self.self)`.
    ///
    /// A blueprint of other settings is a bug, and ends the process.
    public func settings<Blueprint: ServiceBlueprint>(of blueprint: Blueprint.Type) -> Blueprint.Settings {
        guard let own = settings as? Blueprint.Settings else {
            preconditionFailure("\(service) has no settings of \(blueprint)")
        }
        return own
    }

    /// Runs work that blocks its thread, such as the hash of a password, apart from the tasks; see ``BlockingPool``.
    ///
    /// - Parameters:
    ///   - deadline: When the caller stops waiting, as `call.deadline`; `nil`: never.
    ///   - body: The work. A simulation runs it at once, in no time.
    /// - Throws: As ``BlockingPool/run(until:time:_:)``.
    public func offload<R: Sendable>(
        until deadline: Moment?,
        _ body: @escaping @Sendable () throws -> R
    ) async throws -> R {
        try await (blocking ?? .process).run(until: deadline, time: runtime.time, body)
    }

    /// A client for other parties, with its own retries and circuit breakers: a service makes one and keeps it.
    public func http(_ policy: OutgoingPolicy) -> OutgoingClient {
        OutgoingClient(over: outgoing, policy: policy, runtime: runtime)
    }

    /// The channel to another service, behind the call policy.
    ///
    /// Cheap; connects with the first call.
    public func channel(to service: String) -> any RPCChannel { channels(service) }
}

/// Returns the channel to a service by its name.
public typealias Channels = @Sendable (_ service: String) -> any RPCChannel
