import MartletContract
import MartletHost
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// The next version of a service, for simulations only: the real service, with everything that a release may add.
///
/// It has a migration that only adds, in a module of its own, so that this version can start on the same database; it
/// runs a higher version of each workflow beside the present ones; ``NextDatabase`` and ``NextRequests`` change its
/// other writes.
struct NextVersion<Present: ServiceBlueprint>: ServiceBlueprint {
    static var name: String { Present.name }

    static var migrations: [Migration] {
        Present.migrations + [
            Migration(
                "\(Present.name)_next",
                1,
                [
                    "ALTER TABLE outbox ADD COLUMN written_by TEXT NOT NULL DEFAULT 'this version'",
                    "ALTER TABLE idempotency ADD COLUMN written_by TEXT NOT NULL DEFAULT 'this version'",
                ]
            )
        ]
    }

    private let present: Present

    init(on platform: Platform) throws { present = try Present(on: platform) }

    var handlers: [ServedContract] { present.handlers }
    var subscriptions: [Subscription] { present.subscriptions }
    var jobs: [Job] { present.jobs }

    /// The present versions, and a later version of each with one more step.
    var workflows: [RegisteredWorkflow] {
        present.workflows
            + present.workflows.map { workflow in
                workflow.later(NextDatabase.later(workflow.version)) { context, run in
                    try await context.local("begin_as_next") { (_: borrowing SQLTransaction) in }
                    return try await NextField.$isInRun.withValue(true) { try await run() }
                }
            }
    }
}
