import Foundation
import MartletSimulation

/// A process that simulates some worlds one after another, and writes a line of JSON about each.
///
/// It needs `SWIFT_DETERMINISTIC_HASHING=1` in its environment from the start.
public struct Worker: Sendable {
    /// What it is told, as its one argument.
    public struct Order: Sendable, Codable {
        public var worlds: [Scenario]
        /// Names of crash points.
        public var points: [String]

        public init(worlds: [Scenario], points: [String]) {
            self.worlds = worlds
            self.points = points
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
        for world in order.worlds {
            let before = GlobalJobs.count
            var verdict = simulation.run(world)
            verdict.escapedJobs = isWatched ? GlobalJobs.count - before : -1
            FileHandle.standardOutput.write(try encoder.encode(verdict) + Data("\n".utf8))
        }
    }
}
