import Foundation
import MartletCore
import MartletSQL
import MartletTesting

/// Writes of the next version into tables that both versions read: fields, members and runs that this version does not
/// know.
struct NextDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    /// Whether the service is event-sourced.
    let hasStreams: Bool
    /// Whether the tables have the column of the next version; a later one has dropped it.
    let hasColumn: Bool

    static func later(_ version: Int) -> Int { version + 1 }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        // Its tables do not exist before.
        guard "\(name)" != "migrate" else { return try await database.transaction(name, options: options, body) }
        let (hasStreams, hasColumn) = (hasStreams, hasColumn)
        return try await database.transaction(name, options: options) { (tx: borrowing SQLTransaction) in
            let before = try NextWork.LastRows(hasStreams: hasStreams, in: tx)
            let result = try body(tx)
            // After the deferred work of the body itself, such as its events.
            _ = tx.deferred { NextWork(since: before, hasColumn: hasColumn) }
            return result
        }
    }
}

/// Rewrites the rows that one transaction added into rows of the next version.
private final class NextWork: SQLDeferredWork {
    /// The last rows before the transaction.
    struct LastRows {
        let outbox: Int64
        let idempotency: Int64
        let runs: Int64
        /// `nil` where there are no streams.
        let events: Int64?

        init(hasStreams: Bool, in tx: borrowing SQLTransaction) throws {
            let row = try tx.run(
                """
                SELECT (SELECT COALESCE(MAX(rowid), 0) FROM outbox), (SELECT COALESCE(MAX(rowid), 0) FROM idempotency),
                    (SELECT COALESCE(MAX(rowid), 0) FROM workflow_runs)
                """
            ).first
            outbox = try row?.int64(0) ?? 0
            idempotency = try row?.int64(1) ?? 0
            runs = try row?.int64(2) ?? 0
            events =
                hasStreams
                ? try tx.run("SELECT COALESCE(MAX(rowid), 0) FROM es_events").first?.int64(0) ?? 0 : nil
        }
    }

    private let before: LastRows
    private let hasColumn: Bool

    init(since before: LastRows, hasColumn: Bool) {
        self.before = before
        self.hasColumn = hasColumn
    }

    func flush(in tx: borrowing SQLTransaction) throws {
        for row in try tx.run("SELECT rowid, body FROM outbox WHERE rowid > \(before.outbox) ORDER BY rowid") {
            try tx.run("UPDATE outbox SET body = \(row.bytes(1) + NextField.bytes) WHERE rowid = \(row.int64(0))")
        }
        let stored = try tx.run(
            "SELECT rowid, response FROM idempotency WHERE rowid > \(before.idempotency) ORDER BY rowid"
        )
        for row in stored {
            try tx.run(
                """
                UPDATE idempotency SET response = \(row.bytes(1) + NextField.bytes) WHERE rowid = \(row.int64(0))
                """
            )
        }
        if hasColumn {
            try tx.run("UPDATE outbox SET written_by = 'the next version' WHERE rowid > \(before.outbox)")
            try tx.run("UPDATE idempotency SET written_by = 'the next version' WHERE rowid > \(before.idempotency)")
        }
        // The process that began it as a run of this version finds its claim lost, as after a lost lease.
        try tx.run(
            """
            UPDATE workflow_runs SET version = version + 1, lease_owner = NULL, fence = fence + 1, by_clock = 0,
                wake_at = \(tx.date.microseconds)
            WHERE rowid > \(before.runs)
            """
        )
        guard let events = before.events else { return }
        // Inside the event: its name must stay its only member.
        try tx.run(
            """
            UPDATE es_events SET body = json_set(body,
                (SELECT '$.' || member.key || '.written_by' FROM json_each(es_events.body) AS member LIMIT 1),
                'the next version')
            WHERE rowid > \(events)
            """
        )
    }
}
