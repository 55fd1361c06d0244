import Foundation
public import MartletSimulation

/// A process that simulates some seeds one after another, and writes a line of JSON about each.
///
/// It needs `SWIFT_DETERMINISTIC_HASHING=1` in its environment from the start.
public struct Worker: Sendable {
    /// What it is told, as its one argument.
    public struct Order: Sendable, Codable {
        public var seeds: [UInt64]
        public var orders: Int
        public var faults: Set<SimulatedFault>
        public var isWhole: Bool
        public var points: [String]
        public var variant: Scenario.Variant

        public init(
            seeds: [UInt64],
            orders: Int,
            faults: Set<SimulatedFault>,
            isWhole: Bool,
            points: [String],
            variant: Scenario.Variant = .martlet
        ) {
            self.seeds = seeds
            self.orders = orders
            self.faults = faults
            self.isWhole = isWhole
            self.points = points
            self.variant = variant
        }
    }

    private let order: Order

    public init(_ order: Order) { self.order = order }

    /// - Throws: What prevents the simulation from beginning; a violation is a verdict, and no error.
    public func run() throws {
        let isWatched = GlobalJobs.watch()
        let simulation = try ShopSimulation(points: order.points)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for seed in order.seeds {
            let before = GlobalJobs.count
            var verdict = simulation.run(
                Scenario(
                    seed: seed,
                    orders: order.orders,
                    faults: order.faults,
                    isWhole: order.isWhole,
                    variant: order.variant
                )
            )
            verdict.escapedJobs = isWatched ? GlobalJobs.count - before : -1
            FileHandle.standardOutput.write(try encoder.encode(verdict) + Data("\n".utf8))
        }
    }
}
