package import MartletSimulation
package import SimulatedCluster

/// The input of a simulation: it determines the whole run.
package struct Scenario: Sendable, Codable, Equatable {
    /// How services publish and consume events.
    package enum Variant: String, Sendable, Codable {
        /// With the toolkit's outbox and inbox.
        case martlet
        /// The control, without either: services publish after the commit, and acknowledge before the handler. The
        /// invariant checker must detect its errors.
        case naive
    }

    package var seed: UInt64
    /// The number of customers; each places one order.
    package var orders: Int
    /// Which faults may happen.
    package var faults: Set<SimulatedFault>
    /// Whether all of `faults` are enabled, or the seed chooses among them.
    package var isWhole: Bool
    package var variant: Variant
    /// The replicas of each service; `nil`: the seed decides.
    package var replicas: Int?

    /// The planned crashes, as the only faults; `nil` when the fault scheduler injects faults.
    package var crashes: CrashPlan?

    package init(
        seed: UInt64,
        orders: Int,
        faults: Set<SimulatedFault>,
        isWhole: Bool,
        variant: Variant = .martlet,
        crashes: CrashPlan? = nil
    ) {
        self.seed = seed
        self.orders = orders
        self.faults = faults
        self.isWhole = isWhole
        self.variant = variant
        self.crashes = crashes
    }

    /// A scenario with planned crashes as the only faults.
    package init(seed: UInt64, crashing crashes: CrashPlan) {
        self.init(
            seed: seed,
            orders: Workload.crashPoints(crashes.rounds).scripts.count,
            faults: [],
            isWhole: true,
            crashes: crashes
        )
    }
}
