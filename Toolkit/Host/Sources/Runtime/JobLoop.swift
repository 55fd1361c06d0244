import Logging
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTelemetry
import MartletWorkflows

/// Runs one job periodically.
struct JobLoop: Sendable {
    private let job: Job
    private let database: any SQLDatabase
    private let clock: ClockWatch
    private let time: any TimeSource

    init(_ job: Job, on database: any SQLDatabase, clock: ClockWatch, time: any TimeSource) {
        self.job = job
        self.database = database
        self.clock = clock
        self.time = time
    }

    func run() async throws {
        while true {
            try await time.sleep(for: job.interval)
            if clock.pausesExpiry { continue }
            do {
                try await job.run(on: database)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                Logger.current.warning(
                    "job failed, runs again after its interval",
                    error: error,
                    metadata: ["job": "\(job.name)", "interval": "\(job.interval)"]
                )
            }
        }
    }
}

/// Deletes rows past their retention from the toolkit's tables.
enum Purge {
    static let interval = Duration.seconds(60)

    /// A run ends when no table has a full batch left.
    ///
    /// - Parameter topics: Those that the service publishes.
    static func job(database: any SQLDatabase, topics: [TopicPlan], workflows: WorkflowEngine) -> Job {
        let sent = SentRetention(of: topics)
        return Job("purge", every: interval) {
            while true {
                let events = try await database.transaction("outbox.purge", options: .locking) { tx in
                    try Outbox.purge(sent, in: tx)
                }
                let runs = try await workflows.purge()
                if events < Outbox.purgeBatch, runs < WorkflowEngine.purgeBatch { return }
            }
        }
    }
}
