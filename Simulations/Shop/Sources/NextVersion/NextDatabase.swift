import Foundation
import MartletCore
import MartletSQL
import MartletTesting

/// What the next version writes into tables that both versions read: fields, members and runs that this one does not know.
struct NextDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    /// Whether the service keeps streams of events.
    let hasStreams: Bool

    static func later(_ version: Int) -> Int { version + 1 }

    func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        // Its tables are not there before.
        guard "\(name)" != "migrate" else { return try await database.transaction(name, deadline: deadline, body) }
        let hasStreams = hasStreams
        return try await database.transaction(name, deadline: deadline) { (tx: borrowing SQLTransaction) in
            let before = try NextWork.Marks(hasStreams: hasStreams, in: tx)
            let result = try body(tx)
            // After what the body itself deferred, such as its events.
            _ = tx.deferred { NextWork(since: before) }
            return result
        }
    }
}

/// Makes of the rows that one transaction added rows as the next version would have written them.
private final class NextWork: SQLDeferredWork {
    /// The last rows before the transaction.
    struct Marks {
        let outbox: Int64
        let idempotency: Int64
        let runs: Int64
        /// `nil` where there are no streams.
        let events: Int64?

        init(hasStreams: Bool, in tx: borrowing SQLTransaction) throws {
            let marks = try tx.run(
                """
                SELECT (SELECT COALESCE(MAX(rowid), 0) FROM outbox), (SELECT COALESCE(MAX(rowid), 0) FROM idempotency),
                    (SELECT COALESCE(MAX(rowid), 0) FROM workflow_runs)
                """
            ).first
            outbox = marks?.int64(0) ?? 0
            idempotency = marks?.int64(1) ?? 0
            runs = marks?.int64(2) ?? 0
            events =
                hasStreams
                ? try tx.run("SELECT COALESCE(MAX(rowid), 0) FROM es_events").first?.int64(0) ?? 0 : nil
        }
    }

    private let before: Marks

    init(since before: Marks) { self.before = before }

    func flush(in tx: borrowing SQLTransaction) throws {
        for row in try tx.run("SELECT rowid, body FROM outbox WHERE rowid > \(before.outbox) ORDER BY rowid") {
            try tx.run(
                """
                UPDATE outbox SET body = \(row.bytes(1) + NextField.bytes), written_by = 'the next version'
                WHERE rowid = \(row.int64(0))
                """
            )
        }
        let stored = try tx.run(
            "SELECT rowid, response FROM idempotency WHERE rowid > \(before.idempotency) ORDER BY rowid"
        )
        for row in stored {
            try tx.run(
                """
                UPDATE idempotency SET response = \(row.bytes(1) + NextField.bytes), written_by = 'the next version'
                WHERE rowid = \(row.int64(0))
                """
            )
        }
        // Whoever began it as a run of this version finds its claim gone, as after a lost lease.
        try tx.run(
            """
            UPDATE workflow_runs SET version = version + 1, lease_owner = NULL, fence = fence + 1, by_clock = 0,
                wake_at = \(tx.date.microseconds)
            WHERE rowid > \(before.runs)
            """
        )
        guard let events = before.events else { return }
        // Inside the event: what names it stays its only member.
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
