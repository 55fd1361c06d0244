public import MartletContract
public import MartletOutbox
public import MartletSQL
public import MartletWorkflows

/// A service as a value: its tables, handlers, subscriptions, workflows and jobs.
///
/// It does not depend on how it is deployed (alone, with others in one process, or simulated): it uses only its
/// ``Platform``.
///
/// ```swift
/// /// Knows the newest link to each URL.
/// struct NewestService: ServiceBlueprint {
///     static let name = "newest"
///     static let migrations = [
///         Migration("newest", 1, ["CREATE TABLE newest (url TEXT PRIMARY KEY, code TEXT NOT NULL)"])
///     ]
///
///     init(on platform: Platform) {}
///
///     var subscriptions: [Subscription] {
///         [
///             .on(LinksTopics.created, group: Self.name) { link, tx in
///                 try tx.run(
///                     """
///                     INSERT INTO newest (url, code) VALUES (\(link.url), \(link.code))
///                     ON CONFLICT (url) DO UPDATE SET code = excluded.code
///                     """
///                 )
///             }
///         ]
///     }
/// }
/// ```
public protocol ServiceBlueprint: Sendable {
    /// The settings of the service's own, which its initializer gets by ``Platform/settings(of:)``.
    associatedtype Settings: ServiceSettings = NoSettings

    /// Unique in the deployment: the name in the registry and of its database.
    static var name: String { get }
    /// The service's own tables; the toolkit's (outbox, inbox, idempotency, workflows, audit) are added.
    static var migrations: [Migration] { get }

    /// How long the rows of the service's own tables stay, for operators and tests; the toolkit's are added.
    static var retentions: [TableRetention] { get }

    /// Its endpoints beside contracts; those of a gateway are in its table, too.
    static var raw: [RawEndpoint] { get }

    init(on platform: Platform) throws

    /// The contracts that it serves, with their handlers.
    var handlers: [ServedContract] { get }
    /// The topics that it consumes.
    var subscriptions: [Subscription] { get }
    /// Every workflow version that may have open runs.
    var workflows: [RegisteredWorkflow] { get }
    /// Its periodic work.
    var jobs: [Job] { get }
    /// What may wait for an operator in its own tables; what the toolkit knows is added.
    var operatorWork: [OperatorWork] { get }
}

extension ServiceBlueprint {
    public static var retentions: [TableRetention] { [] }
    public static var raw: [RawEndpoint] { [] }
    public var handlers: [ServedContract] { [] }
    public var subscriptions: [Subscription] { [] }
    public var workflows: [RegisteredWorkflow] { [] }
    public var jobs: [Job] { [] }
    public var operatorWork: [OperatorWork] { [] }
}
