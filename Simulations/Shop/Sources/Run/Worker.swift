import Foundation
import MartletSimulation

/// A process that simulates some worlds one after another, and writes a line of JSON for each.
///
/// It needs `SWIFT_DETERMINISTIC_HASHING=1` in its environment from the start.
package struct Worker: Sendable {
    /// The worlds to simulate, as JSON in its one argument.
    package struct Assignment: Sendable, Codable {
        package var worlds: [Scenario]
        /// Names of crash points.
        package var points: [String]

        package init(worlds: [Scenario], points: [String]) {
            self.worlds = worlds
            self.points = points
        }
    }

    private let assignment: Assignment

    package init(_ assignment: Assignment) { self.assignment = assignment }

    /// - Throws: What prevents the simulation from starting; a violation is a result, and no error.
    package func run() throws {
        let isWatched = GlobalJobs.watch()
        let simulation = try ShopSimulation(points: assignment.points)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for world in assignment.worlds {
            let result = Self.countingEscapedJobs(isWatched) { simulation.run(world) }
            FileHandle.standardOutput.write(try encoder.encode(result) + Data("\n".utf8))
        }
    }

    /// The result of `simulate`, with the number of jobs that escaped meanwhile.
    ///
    /// - Parameter isWatched: Whether they are counted.
    static func countingEscapedJobs(_ isWatched: Bool, _ simulate: () -> SimulationResult) -> SimulationResult {
        let before = GlobalJobs.count
        var result = simulate()
        result.escapedJobs = isWatched ? GlobalJobs.count - before : -1
        return result
    }
}
