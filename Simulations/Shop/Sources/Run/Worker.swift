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
            let verdict = Self.counted(isWatched) { simulation.run(world) }
            FileHandle.standardOutput.write(try encoder.encode(verdict) + Data("\n".utf8))
        }
    }

    /// What `simulate` comes to, with the jobs that escaped meanwhile.
    ///
    /// - Parameter isWatched: Whether anybody counts them.
    static func counted(_ isWatched: Bool, _ simulate: () -> Verdict) -> Verdict {
        let before = GlobalJobs.count
        var verdict = simulate()
        verdict.escapedJobs = isWatched ? GlobalJobs.count - before : -1
        return verdict
    }
}
