public import MartletSimulation

/// What is simulated: everything else follows from it.
public struct Scenario: Sendable, Codable, Equatable {
    /// How services tell each other what happened.
    public enum Variant: String, Sendable, Codable {
        /// With the toolkit's outbox and inbox.
        case martlet
        /// With none: they publish what they have just committed, and acknowledge what they are about to do. The control,
        /// which the audit has to find out.
        case naive
    }

    public var seed: UInt64
    /// Customers, each with one order.
    public var orders: Int
    /// Which faults may happen.
    public var faults: Set<SimulatedFault>
    /// Whether every one of `faults` is enabled, or the seed chooses among them.
    public var isWhole: Bool
    public var variant: Variant

    /// Where processes end, and nothing else goes wrong; `nil` when the weather decides.
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

    /// Processes end where `crashes` says, and nothing else goes wrong.
    public init(seed: UInt64, crashing crashes: CrashPlan) {
        self.init(
            seed: seed,
            orders: Market.rehearsed(crashes.rounds).errands.count,
            faults: [],
            isWhole: true,
            crashes: crashes
        )
    }
}
