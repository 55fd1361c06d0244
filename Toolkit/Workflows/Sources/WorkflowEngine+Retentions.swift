package import MartletSQL

extension WorkflowEngine {
    /// How long the rows of its tables stay; the job is the host's, which calls `purge`.
    package static let retentions = ["workflow_runs", "workflow_journal", "workflow_signals"].map {
        TableRetention($0, .purged(after: finishedRetention, since: "the end of the run", by: "purge"))
    }

    /// How many runs one purge transaction deletes.
    package static let purgeBatch = 500
}
