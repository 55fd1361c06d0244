import MartletCore
import MartletSQL
import MartletTelemetry

extension ServiceMetrics {
    /// Measures what waits for an operator.
    ///
    /// - Parameter runs: The workflow runs that need a human.
    func measureWork(runs: Int, until deadline: Moment) async throws {
        let work = work
        let counts = try await database.read("metrics.waiting", kind: .scan, deadline: deadline) { tx in
            var counts: [(kind: String, count: Int)] = []
            for work in work { counts.append((work.kind, try work.count(tx))) }
            return counts
        }
        for (kind, count) in counts + [(OperatorWork.runs, runs)] {
            // Resolved: once for each measurement of the tables.
            metrics.gauge(
                "martlet_waiting_for_operator",
                help: "What waits for an operator, by kind.",
                labels: ["kind": kind]
            ).set(Double(count))
        }
    }
}
