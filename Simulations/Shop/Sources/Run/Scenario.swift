public import MartletSimulation
public import SimulatedCluster

/// The input of a simulation: it determines the whole run.
public struct Scenario: Sendable, Codable, Equatable {
    /// How services publish and consume events.
    public enum Variant: String, Sendable, Codable {
        /// With the toolkit's outbox and inbox.
        case martlet
        /// The control, without either: services publish after the commit, and acknowledge before the handler. The
        /// invariant checker must detect its errors.
        case naive
    }

    public var seed: UInt64
    /// The number of customers; each places one order.
    public var orders: Int
    /// Which faults may happen.
    public var faults: Set<SimulatedFault>
    /// Whether all of `faults` are enabled, or the seed chooses among them.
    public var isWhole: Bool
    public var variant: Variant

    /// The planned crashes, as the only faults; `nil` when the fault scheduler injects faults.
    public var crashes: CrashPlan?

    public init(
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
    public init(seed: UInt64, crashing crashes: CrashPlan) {
        self.init(
            seed: seed,
            orders: Workload.crashPoints(crashes.rounds).scripts.count,
            faults: [],
            isWhole: true,
            crashes: crashes
        )
    }
}
