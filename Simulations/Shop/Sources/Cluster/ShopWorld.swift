import MartletCore
import MartletSimulation
import SimulatedCluster

/// A simulated shop under one seed: its cluster, and what its checks record.
final class ShopWorld: Sendable {
    /// The consumer groups of each topic.
    private let consumers: [String: [String]]
    let cluster: Cluster
    let variant: Scenario.Variant
    /// The handlers that end their process.
    let endingHandlers: EndingHandlers
    let upgrades: Upgrades
    /// All published events, also those that outboxes have purged.
    let publishedEvents = PublishedEvents()

    init(
        _ cluster: Cluster,
        variant: Scenario.Variant,
        consumers: [String: [String]],
        endingHandlers: EndingHandlers,
        upgrades: Upgrades
    ) {
        self.endingHandlers = endingHandlers
        self.upgrades = upgrades
        self.cluster = cluster
        self.consumers = consumers
        self.variant = variant
    }

    var time: VirtualTime { cluster.simulation.time }
    var network: SimulatedNetwork { cluster.network }
    var faults: FaultInjector { cluster.faults }
    var stores: Stores { cluster.stores }
    /// The machine of all clients: it never fails.
    var outside: Machine { cluster.outside }
    var skippedTime: SkippedTime { cluster.skippedTime }
    /// When the last fault had healed; `nil` before.
    var healedAt: Moment? { cluster.healedAt }

    /// The services that consume events, sorted; each has its name as its group.
    var consumingServices: [String] { Set(consumers.values.joined().map { ExactText($0) }).sorted().map(\.text) }

    /// What services have not finished since the log or their database was restored.
    func pendingRestores() async throws -> [String] { try await cluster.pendingRestores(of: consumers) }

    /// What consumer groups have done with events.
    func accounts() async throws -> EventAccounts { try await EventAccounts(of: consumers, in: cluster) }

    /// Whether the log may lose what it has stored, so that planted events are published again.
    var mayLoseLog: Bool { faults.rates[.logRestored] != nil }

    /// Publishes planted events, which are in no outbox, and again as often as the log is restored.
    func publishAgain(_ publish: () async throws -> Void) async throws {
        var round: Int?
        repeat {
            let restores = cluster.backups.restores(of: Deployment.eventLogName)
            if round == restores {
                try await time.sleep(for: .seconds(1))
            } else {
                round = restores
                try await publish()
            }
        } while mayLoseLog
            && (faults.isActive || cluster.backups.isRestoring
                || round != cluster.backups.restores(of: Deployment.eventLogName))
    }

    /// The consumer groups of a topic, sorted.
    func groups(of topic: String) -> [String] { consumers[topic] ?? [] }
}
