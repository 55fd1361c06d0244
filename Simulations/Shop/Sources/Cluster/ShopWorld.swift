import MartletCore
import MartletSimulation
import Synchronization

/// A simulated shop under one seed: its cluster, its clients' machine, and what its faults have done so far.
final class ShopWorld: Sendable {
    /// The consumer groups of each topic.
    private let consumers: [String: [String]]
    let cluster: Cluster
    /// The machine of all clients: it never fails.
    let outside: Machine
    let skippedTime: SkippedTime
    /// All published events, also those that outboxes have purged.
    let publishedEvents = PublishedEvents()
    private let healed = Mutex<Moment?>(nil)

    init(_ cluster: Cluster, consumers: [String: [String]]) {
        self.cluster = cluster
        self.consumers = consumers
        outside = Machine("outside", in: cluster.simulation)
        skippedTime = SkippedTime(of: cluster.simulation.time)
    }

    var time: VirtualTime { cluster.simulation.time }
    var network: SimulatedNetwork { cluster.network }
    var faults: FaultInjector { cluster.faults }
    var stores: Stores { cluster.stores }

    /// The consumer groups of a topic, sorted.
    func groups(of topic: String) -> [String] { consumers[topic] ?? [] }

    /// When the last fault had healed; `nil` before.
    var healedAt: Moment? { healed.withLock { $0 } }

    /// Ends all faults; from now on the shop has to become quiescent.
    func heal() {
        stores.countErrors()
        faults.heal()
        stores.heal()
        healed.withLock { $0 = $0 ?? time.now }
    }

    /// Ends all machines, so that the world can be freed.
    func close() {
        cluster.close()
        outside.crash()
    }
}
