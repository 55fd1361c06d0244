package import MartletCore
package import MartletSQL

/// The queries and actions of an operator.
///
/// The functions that take `tx` allow an audit row in the same transaction.
public struct WorkflowOperations: Sendable {
    /// Runs on one page.
    public static let pageLimit = 200

    private let database: any SQLDatabase
    private let wake: (@Sendable (_ run: String) -> Void)?

    /// Engines notice its actions at their next poll; ``WorkflowEngine/operations`` wakes its own.
    package init(_ database: any SQLDatabase) { self.init(database, wake: nil) }

    init(_ database: any SQLDatabase, wake: (@Sendable (_ run: String) -> Void)?) {
        self.database = database
        self.wake = wake
    }

    // MARK: Queries

    /// Runs, newest first; all states when `state` is `nil`.
    ///
    /// - Parameters:
    ///   - state: Only runs in this state.
    ///   - cursor: The last run of the page before; `nil` for the first page.
    ///   - limit: 1 to ``pageLimit``, clamped.
    public func list(
        state: WorkflowState? = nil,
        after cursor: WorkflowCursor? = nil,
        limit: Int = 50
    ) async throws -> [WorkflowRun] {
        try await database.read("workflow.list", kind: .scan, deadline: nil) { (tx: borrowing SQLTransaction) in
            try tx.run(Self.page(state, after: cursor, limit: limit)).map { try WorkflowRun(row: $0) }
        }
    }

    static func page(_ state: WorkflowState?, after cursor: WorkflowCursor?, limit: Int) -> SQLQuery {
        var values: [SQLValue] = []
        var conditions = ["1 = 1"]
        if let state {
            values.append(.text(state.rawValue))
            conditions.append("state = $\(values.count)")
        }
        if let cursor {
            values += [.integer(cursor.createdAt.microseconds), .text(cursor.id)]
            conditions.append("(created_at, id) < ($\(values.count - 1), $\(values.count))")
        }
        values.append(.integer(Int64(min(max(limit, 1), pageLimit))))
        let text = """
            SELECT \(WorkflowRun.columns) FROM workflow_runs WHERE \(conditions.joined(separator: " AND "))
            ORDER BY created_at DESC, id DESC LIMIT $\(values.count)
            """
        return SQLQuery(unchecked: text, values: values)
    }

    /// One run with its journal and signals; `nil` when there is none.
    package func show(
        _ run: String
    ) async throws -> (run: WorkflowRun, journal: [JournalEntry], signals: [WorkflowSignal])? {
        try await database.read("workflow.show") { (tx: borrowing SQLTransaction) in
            guard let found = try Self.find(run, in: tx) else { return nil }
            let journal = try WorkflowStore.journal(of: run, in: tx)
            let rows = try tx.run(
                "SELECT seq, name, consumed, at FROM workflow_signals WHERE run = \(run) ORDER BY seq"
            )
            let signals = try rows.map { row in
                try WorkflowSignal(
                    seq: row.int(0),
                    name: row.text(1),
                    consumedBy: row.intIfPresent(2),
                    at: Timestamp(microseconds: row.int64(3))
                )
            }
            return (found, journal, signals)
        }
    }

    /// How many runs are open or need a human, by workflow, version and state.
    ///
    /// An old version may be dropped from the code once none of its runs is counted here.
    ///
    /// - Parameter deadline: When the caller stops waiting; `nil`: never.
    package func counts(until deadline: Moment? = nil) async throws -> [WorkflowCount] {
        try await database.read("workflow.counts", kind: .scan, deadline: deadline) { (tx: borrowing SQLTransaction) in
            try tx.run(Self.unfinished).map { row in
                try WorkflowCount(
                    workflow: row.text(0),
                    version: row.int(1),
                    state: row.decode(2, as: WorkflowState.self),
                    count: row.int(3)
                )
            }
        }
    }

    /// Excludes states, as the index does: for a list of included states SQLite would use the index by state.
    static var unfinished: SQLQuery {
        """
        SELECT workflow, version, state, COUNT(*) FROM workflow_runs WHERE state NOT IN ('completed', 'failed')
        GROUP BY workflow, version, state ORDER BY workflow, version, state
        """
    }

    /// One run, in the caller's transaction; `nil` when there is none.
    package static func find(_ run: String, in tx: borrowing SQLTransaction) throws -> WorkflowRun? {
        let query = SQLQuery(
            unchecked: "SELECT \(WorkflowRun.columns) FROM workflow_runs WHERE id = $1",
            values: [.text(run)]
        )
        return try tx.run(query).first.map { try WorkflowRun(row: $0) }
    }

    // MARK: Actions

    /// Resumes a run that needs a human where it stopped, with its attempts reset.
    ///
    /// The operator vouches for the age of its keys: the open step is repeated, and so is a remote step whose refusal
    /// is the last entry. False when the run does not need a human.
    @discardableResult
    public func retry(_ run: String) async throws -> Bool {
        try await database.transaction("workflow.retry") { (tx: borrowing SQLTransaction) in
            try retry(run, in: tx)
        }
    }

    /// As ``retry(_:)``, in the caller's transaction.
    @discardableResult
    package func retry(_ run: String, in tx: borrowing SQLTransaction) throws -> Bool {
        let date = try tx.date.microseconds
        let rows = try tx.run(
            """
            UPDATE workflow_runs SET state = 'open', error = NULL, wake_at = \(date), by_clock = 0, attempts = 0,
                unknowns = 0, updated_at = \(date)
            WHERE id = \(run) AND state = 'needs_human' RETURNING id
            """
        )
        guard !rows.isEmpty else { return false }
        try reopenRefused(run, in: tx)
        try tx.run(
            "UPDATE workflow_journal SET at = \(date) WHERE run = \(run) AND state = 'open' AND kind = 'remote'"
        )
        wakeAfterCommit(run, tx)
        return true
    }

    /// Ends a run: steps without a result are refused, so that the workflow fails, and finished steps are undone.
    ///
    /// A running execution loses its lease, and its current step is undone as well. False when the run has ended.
    @discardableResult
    public func compensate(_ run: String) async throws -> Bool {
        try await database.transaction("workflow.compensate") { (tx: borrowing SQLTransaction) in
            try compensate(run, in: tx)
        }
    }

    /// As ``compensate(_:)``, in the caller's transaction.
    @discardableResult
    package func compensate(_ run: String, in tx: borrowing SQLTransaction) throws -> Bool {
        let date = try tx.date.microseconds
        let rows = try tx.run(
            """
            UPDATE workflow_runs SET state = 'open', error = NULL, forced = 1, fence = fence + 1, lease_owner = NULL,
                waiting_for = NULL, wake_at = \(date), by_clock = 0, attempts = 0, unknowns = 0,
                updated_at = \(date)
            WHERE id = \(run) AND state IN ('open', 'needs_human') RETURNING id
            """
        )
        guard !rows.isEmpty else { return false }
        try reopenRefused(run, in: tx)
        wakeAfterCommit(run, tx)
        return true
    }

    /// Reopens a refusal that the workflow did not handle: it would stop the run again in every execution.
    private func reopenRefused(_ run: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE workflow_journal SET state = 'open', result = NULL WHERE run = \(run) AND state = 'refused'
                AND kind = 'remote' AND seq = (SELECT MAX(seq) FROM workflow_journal WHERE run = \(run))
            """
        )
    }

    private func wakeAfterCommit(_ run: String, _ tx: borrowing SQLTransaction) {
        guard let wake else { return }
        tx.afterCommit { wake(run) }
    }
}
