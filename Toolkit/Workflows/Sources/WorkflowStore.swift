import MartletCore
import MartletSQL

/// The SQL of an execution.
enum WorkflowStore {
    /// Applies `change` when `run` is still ours.
    ///
    /// - Throws: ``LeaseLost`` when it is not.
    static func apply(
        _ change: RunChange,
        to run: ClaimedRun,
        at date: Timestamp,
        in tx: borrowing SQLTransaction
    ) throws {
        let row = Row(change)
        let updated: [SQLRow]
        if case .progressed = change {
            updated = try tx.run(
                """
                UPDATE workflow_runs SET wake_at = \(row.wakeAt), attempts = 1, unknowns = 0,
                    updated_at = \(date.microseconds)
                WHERE id = \(run.id) AND fence = \(run.fencingToken) AND lease_owner = \(run.owner) AND state = 'open'
                RETURNING id
                """
            )
        } else {
            updated = try tx.run(
                """
                UPDATE workflow_runs SET state = \(row.state.rawValue), output = \(row.output), error = \(row.error),
                    lease_owner = NULL, wake_at = \(row.wakeAt), by_clock = \(row.isDue(after: date)),
                    waiting_for = \(row.waitingFor),
                    attempts = \(row.attempts.failures), unknowns = \(row.attempts.unknowns),
                    updated_at = \(date.microseconds)
                WHERE id = \(run.id) AND fence = \(run.fencingToken) AND lease_owner = \(run.owner) AND state = 'open'
                RETURNING id
                """
            )
        }
        guard !updated.isEmpty else { throw LeaseLost() }
    }

    /// Writes the entry as it is now; a repeat changes nothing.
    static func put(_ entry: JournalEntry, of run: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO workflow_journal (run, seq, step, kind, input_hash, state, result, generation, at)
            VALUES (\(run), \(entry.seq), \(entry.step), \(entry.kind.rawValue), \(entry.inputHash),
                \(entry.state.rawValue), \(entry.result), \(entry.generation), \(entry.at.microseconds))
            ON CONFLICT (run, seq) DO UPDATE SET
                state = excluded.state, result = excluded.result, generation = excluded.generation,
                at = CASE WHEN excluded.generation > workflow_journal.generation
                    THEN excluded.at ELSE workflow_journal.at END
            """
        )
    }

    static func entry(_ seq: Int, of run: String, in tx: borrowing SQLTransaction) throws -> JournalEntry? {
        try tx.run(
            """
            SELECT seq, step, kind, input_hash, state, result, generation, at
            FROM workflow_journal WHERE run = \(run) AND seq = \(seq)
            """
        ).first.map { try JournalEntry(row: $0) }
    }

    static func journal(of run: String, in tx: borrowing SQLTransaction) throws -> [JournalEntry] {
        // Unlocked: a claim has locked the row of the run, which every write to its journal changes.
        try tx.run(
            """
            SELECT seq, step, kind, input_hash, state, result, generation, at
            FROM workflow_journal WHERE run = \(run) ORDER BY seq
            """
        ).map { try JournalEntry(row: $0) }
    }

    /// Consumes the oldest waiting signal of this name, for the step at `seq`.
    static func consumeSignal(
        _ name: String,
        of run: String,
        for seq: Int,
        in tx: borrowing SQLTransaction
    ) throws -> String? {
        let rows = try tx.run(
            """
            SELECT seq, payload FROM workflow_signals
            WHERE run = \(run) AND name = \(name) AND consumed IS NULL ORDER BY seq LIMIT 1
            """
        )
        guard let row = rows.first else { return nil }
        try tx.run("UPDATE workflow_signals SET consumed = \(seq) WHERE run = \(run) AND seq = \(row.int(0))")
        return try row.text(1)
    }

    /// The columns that a change writes.
    private struct Row {
        var state = WorkflowState.open
        var output: String?
        var error: String?
        var wakeAt: Int64?
        var waitingFor: String?
        var attempts = Attempts()

        func isDue(after date: Timestamp) -> Bool { wakeAt.map { $0 > date.microseconds } ?? false }

        init(_ change: RunChange) {
            switch change {
            case .progressed(let leaseUntil): wakeAt = leaseUntil.microseconds
            case .suspended(let until, let waitingFor, let attempts):
                wakeAt = until?.microseconds
                self.waitingFor = waitingFor
                self.attempts = attempts
            case .completed(let output):
                state = .completed
                self.output = output
            case .failed(let error):
                state = .failed
                self.error = error
            case .needsHuman(let error):
                state = .needsHuman
                self.error = error
            }
        }
    }
}

extension JournalEntry {
    /// - Throws: `UnreadableRow`.
    init(row: SQLRow) throws {
        try self.init(
            seq: row.int(0),
            step: row.text(1),
            kind: try row.decode(2, as: Kind.self),
            inputHash: row.text(3),
            state: try row.decode(4, as: State.self),
            result: row.textIfPresent(5),
            generation: row.int(6),
            at: Timestamp(microseconds: row.int64(7))
        )
    }
}
