import MartletContract
import MartletHost
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// The version of a service after the next one, for simulations only: it drops what the next one added, with a step that
/// breaks both others.
struct BreakingVersion<Present: ServiceBlueprint>: ServiceBlueprint {
    static var name: String { Present.name }

    static var migrations: [Migration] {
        let next = NextVersion<Present>.migrations
        return next
            + NextVersion<Present>.tables.map { table in
                let number = next.filter { $0.module == table }.map(\.number).max() ?? 0
                return Migration(table, number + 1, ["ALTER TABLE \(table) DROP COLUMN written_by"], breaks: true)
            }
    }

    private let next: NextVersion<Present>

    init(on platform: Platform) throws { next = try NextVersion(on: platform) }

    var handlers: [ServedContract] { next.handlers }
    var subscriptions: [Subscription] { next.subscriptions }
    var jobs: [Job] { next.jobs }
    var workflows: [RegisteredWorkflow] { next.workflows }
}
