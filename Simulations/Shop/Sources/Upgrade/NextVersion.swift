import MartletContract
import MartletHost
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// The next version of a service, for simulations only: the real service, with everything that a release may add.
///
/// Modules that this version knows have a further step that only adds, so that this version still starts on the same
/// database; it runs a higher version of each workflow beside the present ones; ``NextDatabase`` and ``NextRequests`` change its
/// other writes.
struct NextVersion<Present: ServiceBlueprint>: ServiceBlueprint {
    static var name: String { Present.name }

    /// The tables, each of the module with its name, that get a column.
    static var tables: [String] { ["outbox", "idempotency"] }

    static var migrations: [Migration] {
        Present.migrations
            + tables.map { table in
                let column = "written_by TEXT NOT NULL DEFAULT 'this version'"
                return Migration(table, next(in: table), ["ALTER TABLE \(table) ADD COLUMN \(column)"])
            }
    }

    /// The number of the next step of a module.
    private static func next(in module: String) -> Int {
        let numbers = ServiceRuntime.migrations(of: Present.self).filter { $0.module == module }.map(\.number)
        return (numbers.max() ?? 0) + 1
    }

    private let present: Present

    init(on platform: Platform) throws { present = try Present(on: platform) }

    var handlers: [ServedContract] { present.handlers }
    var subscriptions: [Subscription] { present.subscriptions }
    var jobs: [Job] { present.jobs }

    /// The present versions, and a later version of each with one more step.
    ///
    /// A run that this process began has become one of the later version (see ``NextDatabase``): its execution by the present
    /// version must end before its first call, which would not carry the field.
    var workflows: [RegisteredWorkflow] {
        present.workflows.map { workflow in
            workflow.wrapped(as: workflow.version) { context, run in
                try await context.requireLease()
                return try await run()
            }
        }
            + present.workflows.map { workflow in
                workflow.wrapped(as: NextDatabase.later(workflow.version)) { context, run in
                    try await context.local("begin_as_next") { (_: borrowing SQLTransaction) in }
                    return try await NextField.$isInRun.withValue(true) { try await run() }
                }
            }
    }
}
