import MartletCore
import MartletTesting
import Orders
import SimulatedCluster
import Synchronization

/// The service of a world whose version after the next one is rolled out, and what was wrong with that.
final class Upgrades: Sendable {
    /// `nil` where the fault is not enabled.
    let service: String?
    private let found = Mutex<[String]>([])

    /// - Parameter service: The service; `nil` for a world without such a version.
    init(of service: String?) { self.service = service }

    /// The service that `plan` upgrades, one with several replicas.
    ///
    /// Not the one with workflows: a process that begins a run as the next version loses its claim, which the rollouts
    /// that are rolled back show.
    convenience init(_ plan: ClusterPlan, entropy: SeededEntropy) {
        self.init(of: plan.faults.rates[.versionBreaks].map { _ in Self.service(entropy.fork()) })
    }

    private static func service(_ entropy: SeededEntropy) -> String {
        let names = ShopDeployments.all.filter { $0.isReplicated && $0.name != OrdersService.name }.map(\.name)
        return names[Int(entropy.number(below: UInt64(names.count)))]
    }

    func report(_ what: String) { found.withLock { $0.append(what) } }

    var violations: [Violation] { found.withLock { $0 }.map { Violation(.brokenSchemaUsed, $0) } }
}
