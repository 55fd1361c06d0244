public import MartletContract
public import MartletOutbox
public import MartletSQL
public import MartletWorkflows

/// A service as a value: what it keeps, answers, listens to and does by itself.
///
/// It never learns whether it lives alone, beside others in one process, or in a simulation: all it has comes from its
/// ``Platform``.
public protocol ServiceBlueprint: Sendable {
    /// Unique in the deployment: by this name others find it, and its database is called so.
    static var name: String { get }
    /// The service's own tables. Those of the toolkit (outbox, inbox, idempotency, workflows, audit) are added.
    static var migrations: [Migration] { get }

    init(on platform: Platform) throws

    /// The contracts that it serves, each with its handler.
    var handlers: [ServedContract] { get }
    /// The topics that it listens to.
    var subscriptions: [Subscription] { get }
    /// Every version of a workflow of which a run may be open.
    var workflows: [RegisteredWorkflow] { get }
    /// What it does from time to time.
    var jobs: [Job] { get }
}

extension ServiceBlueprint {
    public var handlers: [ServedContract] { [] }
    public var subscriptions: [Subscription] { [] }
    public var workflows: [RegisteredWorkflow] { [] }
    public var jobs: [Job] { [] }
}
