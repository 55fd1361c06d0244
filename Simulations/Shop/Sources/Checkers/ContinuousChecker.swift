import MartletCore
import MartletSimulation
import SimulatedCluster
import StoredInvariants

/// Polls the invariants that must hold at every moment, also while faults are active.
struct ContinuousChecker: Sendable {
    /// One service at each poll, in turn: the cost does not grow with the number of services.
    private static let pollInterval = Duration.milliseconds(500)

    let world: ShopWorld
    let observations: ClientObservations

    /// Those of `names` that have such invariants.
    static func services(among names: [String]) -> [String] {
        names.filter { !StoredInvariant.of($0, at: .always).isEmpty }
    }

    /// Runs until its task is cancelled.
    func run() async throws {
        let services = Self.services(among: world.stores.names)
        precondition(!services.isEmpty, "no invariant must hold at every moment")
        // One that stays violated is reported once.
        var reported: Set<String> = []
        while true {
            for service in services {
                try await world.time.sleep(for: Self.pollInterval)
                guard let store = world.stores[service] else { continue }
                for violation in await Violation.found(always: service, in: store) {
                    guard reported.insert(violation.what).inserted else { continue }
                    observations.record(violation)
                }
            }
        }
    }
}
