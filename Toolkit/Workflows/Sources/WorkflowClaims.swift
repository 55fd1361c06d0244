import MartletCore
import MartletSQL

/// The SQL by which engines claim runs and renew leases.
enum WorkflowClaims {
    struct Found: Sendable {
        var runs: [ClaimedRun]
        /// When the next run is due; `nil` when none waits for a time, and when the limit was reached: then there is
        /// another claim as soon as a slot is free.
        var nextWake: Timestamp?
        /// How many more are due; `nil` when they were not counted.
        var waiting: Int?
        let date: Timestamp
    }

    /// Claims up to `limit` due runs of the workflows in `keys`, except those in `held`, which this process executes.
    ///
    /// - Parameters:
    ///   - expires: False skips what is due by the clock: timers, and expired leases.
    ///   - most: If `limit` is reached, the other due runs are counted, up to this number; `nil` counts none.
    static func claim(
        _ keys: [String],
        held: [String],
        expires: Bool,
        owner: String,
        lease: Duration,
        limit: Int,
        countingTo most: Int?,
        in tx: borrowing SQLTransaction
    ) throws -> Found {
        let date = try tx.date
        // Replicas skip rows that another one is claiming, instead of waiting for them.
        let rows = try tx.run(
            """
            UPDATE workflow_runs SET lease_owner = \(owner), fence = fence + 1, attempts = attempts + 1,
                wake_at = \((date + lease).microseconds), by_clock = 1, waiting_for = NULL,
                updated_at = \(date.microseconds)
            WHERE id IN (SELECT id FROM workflow_runs
                WHERE state = 'open' AND wake_at <= \(date.microseconds) AND by_clock <= \(expires)
                    AND workflow || '@' || version IN (\(list: keys)) AND id NOT IN (\(list: held + [""]))
                ORDER BY wake_at, id LIMIT \(limit) \(lock: .skipping, in: tx.dialect))
            RETURNING id, workflow, version, input, principal, traceparent, fence, attempts, unknowns, forced
            """
        )
        var runs: [ClaimedRun] = []
        for row in try rows.sorted(by: { try $0.text(0) < $1.text(0) }) {
            var run = try ClaimedRun(row: row, owner: owner, date: date)
            // A run that cannot be read needs a human; the other runs of this claim continue.
            do { run.trace = try row.trace(5) } catch { run.unreadable = "the trace cannot be read: \(error)" }
            do { run.journal = try WorkflowStore.journal(of: run.id, in: tx) } catch let error as UnreadableRow {
                run.unreadable = "the journal cannot be read: \(error)"
            }
            runs.append(run)
        }
        var found = Found(runs: runs, date: date)
        if runs.count < limit {
            found.nextWake = try nextWake(after: date, owner: owner, in: tx)
        } else if let most {
            found.waiting = try waiting(keys, expires: expires, upTo: most, in: tx)
        }
        return found
    }

    /// When the next run that another owner may claim is due.
    private static func nextWake(
        after date: Timestamp,
        owner: String,
        in tx: borrowing SQLTransaction
    ) throws -> Timestamp? {
        // Unlocked: it decides only when this engine looks again.
        let next = try tx.run(
            """
            SELECT MIN(wake_at) FROM workflow_runs WHERE state = 'open' AND wake_at > \(date.microseconds)
                AND (lease_owner IS NULL OR lease_owner <> \(owner))
            """
        )
        return try next.first?.intIfPresent(0).map { Timestamp(microseconds: Int64($0)) }
    }

    private static func waiting(
        _ keys: [String],
        expires: Bool,
        upTo most: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        // Unlocked: a figure for operators.
        try tx.run(
            """
            SELECT COUNT(*) FROM (SELECT 1 FROM workflow_runs
                WHERE state = 'open' AND wake_at <= \(tx.date.microseconds) AND by_clock <= \(expires)
                    AND workflow || '@' || version IN (\(list: keys)) LIMIT \(most)) AS waiting
            """
        ).first?.int(0) ?? 0
    }

    static func renew(
        _ runs: [String],
        owner: String,
        lease: Duration,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            UPDATE workflow_runs SET wake_at = \((tx.date + lease).microseconds)
            WHERE state = 'open' AND lease_owner = \(owner) AND id IN (\(list: runs))
            """
        )
    }

    /// Releases the leases of other owners: valid only where no other owner can be running.
    static func voidLeases(exceptOf owner: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE workflow_runs SET lease_owner = NULL, wake_at = \(tx.date.microseconds), by_clock = 0
            WHERE state = 'open' AND lease_owner IS NOT NULL AND lease_owner <> \(owner)
            """
        )
    }

    /// Makes runs due that a clock set back since has delayed: runs that were due immediately, and retries that wait
    /// longer than the maximum.
    ///
    /// - Parameter delayMax: The longest delay between two attempts.
    static func makeDue(waitingLongerThan delayMax: Duration, in tx: borrowing SQLTransaction) throws {
        let date = try tx.date
        try tx.run(
            """
            UPDATE workflow_runs SET wake_at = \(date.microseconds), by_clock = 0
            WHERE state = 'open' AND lease_owner IS NULL AND waiting_for IS NULL
                AND (by_clock = 0 AND wake_at > \(date.microseconds)
                    OR attempts > 0 AND wake_at > \((date + delayMax).microseconds))
            """
        )
    }

    /// Makes our runs due whose execution ended without a write to the database.
    static func makeInterruptedDue(_ runs: [String], owner: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE workflow_runs SET wake_at = \(tx.date.microseconds), by_clock = 0
            WHERE state = 'open' AND lease_owner = \(owner) AND id IN (\(list: runs))
            """
        )
    }

    /// Releases our runs that were never begun.
    static func release(_ runs: [String], owner: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE workflow_runs SET lease_owner = NULL, wake_at = \(tx.date.microseconds), by_clock = 0,
                attempts = 0
            WHERE state = 'open' AND lease_owner = \(owner) AND id IN (\(list: runs))
            """
        )
    }
}

extension ClaimedRun {
    /// Without its trace and its journal.
    fileprivate init(row: SQLRow, owner: String, date: Timestamp) throws {
        try self.init(
            id: row.text(0),
            workflow: row.text(1),
            version: row.int(2),
            input: row.text(3),
            party: Principal.Party(row: row.text(4)),
            trace: nil,
            owner: owner,
            fencingToken: row.int(6),
            attempts: Attempts(failures: row.int(7) - 1, unknowns: row.int(8)),
            isForced: row.bool(9),
            journal: [],
            date: date
        )
    }
}

extension SQLRow {
    /// `nil` for NULL.
    fileprivate func trace(_ column: Int) throws(UnreadableRow) -> TraceContext? {
        guard let text = try textIfPresent(column) else { return nil }
        guard let trace = TraceContext(traceparent: text) else {
            throw UnreadableRow(column: column, value: values[column], as: TraceContext.self)
        }
        return trace
    }
}
