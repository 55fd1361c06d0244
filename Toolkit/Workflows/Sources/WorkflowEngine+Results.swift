public import MartletCore
public import MartletSQL
import Synchronization

extension WorkflowEngine {
    /// The outcome of the run so far; `nil` when there is no such run of this workflow.
    ///
    /// - Throws: `UnreadableRow`.
    public func result<W: Workflow>(of run: String, as workflow: W.Type) async throws -> WorkflowOutcome<W.Output>? {
        try await database.read("workflow.result") { (tx: borrowing SQLTransaction) in
            try Self.result(of: run, as: workflow, in: tx)
        }
    }

    /// As ``result(of:as:)``, in the caller's transaction.
    public static func result<W: Workflow>(
        of run: String,
        as workflow: W.Type,
        in tx: borrowing SQLTransaction
    ) throws -> WorkflowOutcome<W.Output>? {
        let rows = try tx.run(
            "SELECT state, output, error FROM workflow_runs WHERE id = \(run) AND workflow = \(W.name)"
        )
        guard let row = rows.first else { return nil }
        switch try row.decode(0, as: WorkflowState.self) {
        case .completed: return .completed(try StoredJSON.value(W.Output.self, from: row.text(1)))
        case .failed: return .failed(try StoredJSON.value(WorkflowFailure.self, from: row.text(2)))
        case .needsHuman:
            guard let reason = try row.textIfPresent(2) else {
                throw UnreadableRow(column: 2, value: .null(nil), as: String.self)
            }
            return .needsHuman(reason: reason)
        case .open: return .open
        }
    }

    /// Waits until the run has ended or needs a human, at most until `deadline`, and returns its outcome then.
    ///
    /// A run that another process ends is noticed within `pollInterval`.
    ///
    /// - Returns: `nil` when there is no such run of this workflow.
    public func waitForOutcome<W: Workflow>(
        of run: String,
        as workflow: W.Type,
        until deadline: Moment
    ) async throws -> WorkflowOutcome<W.Output>? {
        let watcher = Signal()
        let id = state.withLock { $0.watch(run, watcher) }
        defer { state.withLock { $0.unwatch(id) } }
        while true {
            let outcome = try await result(of: run, as: workflow)
            guard let outcome, outcome.isOpen, time.now < deadline else { return outcome }
            let moment = min(deadline, time.now + limits.pollInterval)
            try await watcher.wait(until: moment, time)
        }
    }

    /// Deletes up to `limit` runs that ended longer ago than `age`, with journals and signals.
    ///
    /// A job calls it until it returns 0.
    ///
    /// Runs that are open or need a human are not deleted.
    @discardableResult
    package func purge(
        olderThan age: Duration = WorkflowEngine.finishedRetention,
        limit: Int = WorkflowEngine.purgeBatch
    ) async throws -> Int {
        try await database.transaction("workflow.purge", options: .locking) { (tx: borrowing SQLTransaction) in
            let purge = Self.purge(endedBefore: try tx.date - age, limit: limit, in: tx.dialect)
            let ids = try tx.run(purge).map { try $0.text(0) }
            try tx.run("DELETE FROM workflow_signals WHERE run IN (\(list: ids))")
            try tx.run("DELETE FROM workflow_journal WHERE run IN (\(list: ids))")
            return ids.count
        }
    }

    /// Excludes states as ``WorkflowOperations/unfinished`` does, so that the index by end time is used.
    static func purge(endedBefore date: Timestamp, limit: Int, in dialect: SQLDialect) -> SQLQuery {
        """
        DELETE FROM workflow_runs WHERE id IN (
            SELECT id FROM workflow_runs
            WHERE state NOT IN ('open', 'needs_human') AND updated_at < \(date.microseconds)
            ORDER BY updated_at, id LIMIT \(limit) \(lock: .skipping, in: dialect)
        ) AND state NOT IN ('open', 'needs_human') AND updated_at < \(date.microseconds) RETURNING id
        """
    }

    /// The operator's actions; they wake this engine.
    public var operations: WorkflowOperations { WorkflowOperations(database, wake: { [self] run in wake(run) }) }
}
