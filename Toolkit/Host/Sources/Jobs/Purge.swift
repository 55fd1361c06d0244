import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// Deletes rows past their retention from the toolkit's tables.
enum Purge {
    static let interval = Duration.seconds(60)

    /// A run ends when no table has a full batch left.
    ///
    /// - Parameter topics: Those that the service publishes.
    static func job(database: any SQLDatabase, topics: [TopicPlan], workflows: WorkflowEngine) -> Job {
        let sent = SentRetention(of: topics)
        return Job("purge", every: interval) { _ in
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
