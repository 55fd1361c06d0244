import Logging
import MartletCore
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// Runs one job again and again.
struct JobLoop: Sendable {
    private let job: Job
    private let clock: ClockWatch
    private let time: any TimeSource

    init(_ job: Job, clock: ClockWatch, time: any TimeSource) {
        self.job = job
        self.clock = clock
        self.time = time
    }

    func run() async throws {
        while true {
            try await time.sleep(for: job.pause)
            if clock.pausesExpiry { continue }
            do {
                try await job.run()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                Logger.current.warning(
                    "job failed, runs again at its time",
                    error: error,
                    metadata: ["job": "\(job.name)", "pause": "\(job.pause)"]
                )
            }
        }
    }
}

/// Removes what has outlived its retention from the toolkit's tables.
enum Purge {
    static let pause = Duration.seconds(60)
    /// Batches of one run.
    static let batchesLimit = 100

    static func job(database: any SQLDatabase, workflows: WorkflowEngine) -> Job {
        Job("purge", every: pause) {
            for _ in 0..<batchesLimit {
                let events = try await database.transaction("outbox.purge") { tx in try Outbox.purge(in: tx) }
                let runs = try await workflows.purge()
                if events == 0, runs == 0 { return }
            }
        }
    }
}
