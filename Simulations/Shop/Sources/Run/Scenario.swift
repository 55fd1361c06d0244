public import MartletSimulation

/// What is simulated: everything else follows from it.
public struct Scenario: Sendable, Codable, Equatable {
    public var seed: UInt64
    /// Customers, each with one order.
    public var orders: Int
    /// Which faults may happen.
    public var faults: Set<SimulatedFault>
    /// Whether every one of `faults` is enabled, or the seed chooses among them.
    public var isWhole: Bool

    public init(seed: UInt64, orders: Int, faults: Set<SimulatedFault>, isWhole: Bool) {
        self.seed = seed
        self.orders = orders
        self.faults = faults
        self.isWhole = isWhole
    }
}
