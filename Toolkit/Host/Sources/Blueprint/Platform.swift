public import MartletContract
public import MartletCore
public import MartletMessaging
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

    public init(
        service: String,
        database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime,
        workflows: WorkflowEngine,
        channels: @escaping Channels
    ) {
        self.service = service
        self.database = database
        self.bus = bus
        self.runtime = runtime
        self.workflows = workflows
        self.channels = channels
    }

    /// The channel to another service, behind the call policy.
    ///
    /// Cheap; connects with the first call.
    public func channel(to service: String) -> any RPCChannel { channels(service) }
}

/// Returns the channel to a service by its name.
public typealias Channels = @Sendable (_ service: String) -> any RPCChannel
