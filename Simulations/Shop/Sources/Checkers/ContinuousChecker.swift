import MartletCore
import MartletSimulation

/// Polls the invariants that must hold at every moment, also while faults are active.
struct ContinuousChecker: Sendable {
    private static let pollInterval = Duration.seconds(1)
    private static let services = ["provider", "inventory"]

    let world: ShopWorld
    let observations: ClientObservations

    /// Runs until its task is cancelled.
    func run() async throws {
        while true {
            try await world.time.sleep(for: Self.pollInterval)
            for service in Self.services {
                // A database that is not available is polled again.
                for violation in (try? await Violation.found(always: service, in: world)) ?? [] {
                    observations.record(violation)
                }
            }
        }
    }
}
