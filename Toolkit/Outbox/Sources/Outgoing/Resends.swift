import MartletCore
import MartletMessaging
package import MartletSQL

/// The resends of a service's outbox.
///
/// They read sent rows and leave them as they are: what is sent again counts as no backlog, and delays no new event.
package enum Resends {
    /// Maximum rows of one page.
    package static let pageLimit = 200
    /// How long the instance that has read a batch may take to publish it; afterwards another one publishes it.
    static let hold = Duration.seconds(30)
    /// Rows of the outbox that one step looks at.
    static let window = 1_000
    /// Bytes of bodies in one publication, but for a single larger body.
    static let batchBytes = 1 << 20

    /// Starts to publish the selected events again, as far as they were published and are still stored.
    ///
    /// A repeat starts another resend; consumers drop what they have handled.
    ///
    /// - Returns: Its number.
    package static func start(_ selection: Resend.Selection, in tx: borrowing SQLTransaction) throws -> Int64 {
        let now = try tx.date.microseconds
        let rows = try tx.run(
            """
            INSERT INTO outbox_resends (number, since, topic, key, rate, state, events, cursor_topic, cursor_key,
                cursor_epoch, cursor_sequence, due_at, started_at, changed_at)
            VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM outbox_resends), \(selection.since.microseconds),
                \(selection.topic), \(selection.key), \(selection.rate), 'running', 0, \(selection.topic),
                \(selection.topic.isEmpty ? "" : selection.key), 0, 0, \(now), \(now), \(now)) RETURNING number
            """
        )
        guard let number = try rows.first?.int64(0) else {
            throw SQLError(.misuse, code: "", message: "outbox_resends returned no row")
        }
        return number
    }

    /// Newest first, at most ``pageLimit``; `before` 0 for the newest.
    package static func list(before number: Int64, in tx: borrowing SQLTransaction) throws -> [Resend] {
        try tx.run(
            SQLQuery(
                unchecked: "SELECT \(columns) FROM outbox_resends WHERE number < $1 ORDER BY number DESC LIMIT $2",
                values: [(number > 0 ? number : .max).sqlValue, pageLimit.sqlValue]
            )
        ).map(resend)
    }

    /// Stops a resend; one that has ended stays as it is.
    ///
    /// - Returns: False when there is none with this number.
    package static func stop(_ number: Int64, in tx: borrowing SQLTransaction) throws -> Bool {
        try tx.run(
            """
            UPDATE outbox_resends SET state = 'stopped', changed_at = \(tx.date.microseconds)
            WHERE number = \(number) AND state = 'running'
            """
        )
        return try !tx.run("SELECT 1 FROM outbox_resends WHERE number = \(number)").isEmpty
    }
}

extension Resends {
    private static let columns =
        """
        number, since, topic, key, rate, state, events, cursor_topic, cursor_key, cursor_epoch, cursor_sequence, due_at,
        started_at, changed_at
        """

    /// A batch that this instance has to publish.
    struct Batch: Sendable {
        let resend: Resend
        let events: [Envelope]
        /// After the batch; `nil` when it is the last one.
        let next: Resend.Cursor?
    }

    /// Whether a batch of any resend is due.
    static func isDue(in tx: borrowing SQLTransaction) throws -> Bool {
        guard let due = try nextDue(in: tx) else { return false }
        return try due <= tx.date
    }

    /// When the next batch of any resend is due; `nil` when none is running.
    static func nextDue(in tx: borrowing SQLTransaction) throws -> Timestamp? {
        try tx.run("SELECT due_at FROM outbox_resends WHERE state = 'running' ORDER BY due_at LIMIT 1")
            .first.map { Timestamp(microseconds: try $0.int64(0)) }
    }

    /// Takes the next batch of the resend that has waited longest: no other instance takes it before ``hold`` has passed.
    ///
    /// - Returns: `nil` when no resend is due.
    static func take(source: String, limit: Int, in tx: borrowing SQLTransaction) throws -> Batch? {
        let now = try tx.date
        let taken = try tx.run(
            SQLQuery(
                unchecked: """
                    UPDATE outbox_resends SET due_at = $1 WHERE state = 'running' AND due_at <= $2 AND number IN (
                        SELECT number FROM outbox_resends WHERE state = 'running' AND due_at <= $2
                        ORDER BY due_at, number LIMIT 1) RETURNING \(columns)
                    """,
                values: [(now + hold).microseconds.sqlValue, now.microseconds.sqlValue]
            )
        )
        guard let resend = try taken.first.map(resend) else { return nil }
        let end = try windowEnd(of: resend, in: tx)
        let most = min(limit, resend.selection.rate)
        let found = try rows(of: resend, through: end, limit: most, in: tx).map {
            try Envelope(outboxRow: $0, of: source)
        }
        let events = cut(found)
        let isWhole = events.count == found.count && found.count < most
        return Batch(resend: resend, events: events, next: isWhole ? end : events.last.map(Resend.Cursor.init))
    }

    /// The first events whose bodies fit in one publication.
    private static func cut(_ events: [Envelope]) -> [Envelope] {
        var bytes = 0
        let fitting = events.prefix { event in
            bytes += event.body.count
            return bytes <= batchBytes
        }
        return Array(fitting.isEmpty ? events.prefix(1) : fitting)
    }

    /// Moves the cursor behind a published batch; the next one is due when its rate permits.
    ///
    /// Does nothing when another instance has taken it meanwhile, or it was stopped.
    ///
    /// - Parameter refused: Those of its events that the broker refused: they do not count as published, and are unsent
    ///   again, so that the relay publishes them, each key after its own pauses.
    static func finish(_ batch: Batch, refused: [Envelope] = [], in tx: borrowing SQLTransaction) throws {
        for event in refused {
            try tx.run(
                """
                UPDATE outbox SET sent_at = NULL WHERE topic = \(event.topic) AND key = \(event.key)
                    AND epoch = \(event.epoch) AND sequence = \(event.sequence)
                """
            )
        }
        let (resend, count, now) = (batch.resend, batch.events.count, try tx.date)
        let due = now + .microseconds(Int64(count) * 1_000_000 / Int64(resend.selection.rate))
        let cursor = batch.next ?? resend.cursor
        let state = batch.next == nil ? Resend.State.done : .running
        try tx.run(
            """
            UPDATE outbox_resends SET state = \(state.rawValue), events = events + \(count - refused.count),
                due_at = \(due.microseconds), cursor_topic = \(cursor.topic), cursor_key = \(cursor.key),
                cursor_epoch = \(cursor.epoch), cursor_sequence = \(cursor.sequence),
                changed_at = \(now.microseconds)
            WHERE number = \(resend.number) AND state = 'running' AND due_at = \(resend.dueAt.microseconds)
            """
        )
    }

    /// The last of the next ``window`` rows of its topic and key; `nil` when fewer are left.
    private static func windowEnd(of resend: Resend, in tx: borrowing SQLTransaction) throws -> Resend.Cursor? {
        let (cursor, end) = (resend.cursor, bounds(resend.selection))
        return try tx.run(
            """
            SELECT topic, key, epoch, sequence FROM outbox
            WHERE (topic, key, epoch, sequence) > (\(cursor.topic), \(cursor.key), \(cursor.epoch), \(cursor.sequence))
                AND (topic, key) <= (\(end.topic), \(end.key))
            ORDER BY topic, key, epoch, sequence LIMIT 1 OFFSET \(window - 1)
            """
        ).first.map {
            try Resend.Cursor(topic: $0.text(0), key: $0.text(1), epoch: $0.int(2), sequence: $0.int64(3))
        }
    }

    private static func rows(
        of resend: Resend,
        through end: Resend.Cursor?,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [SQLRow] {
        let (selection, cursor, bounds) = (resend.selection, resend.cursor, bounds(resend.selection))
        let last = end ?? Resend.Cursor(topic: bounds.topic, key: bounds.key, epoch: .max, sequence: .max)
        return try tx.run(
            """
            SELECT topic, key, epoch, sequence, time, traceparent, body, type, content_type, key_since FROM outbox
            WHERE (topic, key, epoch, sequence) > (\(cursor.topic), \(cursor.key), \(cursor.epoch), \(cursor.sequence))
                AND (topic, key, epoch, sequence) <= (\(last.topic), \(last.key), \(last.epoch), \(last.sequence))
                AND sent_at IS NOT NULL AND time >= \(selection.since.microseconds) AND \(selection.key) IN ('', key)
            ORDER BY topic, key, epoch, sequence LIMIT \(limit)
            """
        )
    }

    /// The last topic and key of a selection.
    private static func bounds(_ selection: Resend.Selection) -> (topic: String, key: String) {
        // Behind every text, compared by bytes.
        let end = "\u{10FFFF}"
        guard !selection.topic.isEmpty else { return (end, end) }
        return (selection.topic, selection.key.isEmpty ? end : selection.key)
    }

    private static func resend(_ row: SQLRow) throws -> Resend {
        guard let state = Resend.State(rawValue: try row.text(5)) else {
            throw SQLError(.misuse, code: "", message: "a resend has an unknown state")
        }
        return try Resend(
            number: row.int64(0),
            selection: Resend.Selection(
                since: Timestamp(microseconds: row.int64(1)),
                topic: row.text(2),
                key: row.text(3),
                rate: row.int(4)
            ),
            state: state,
            events: row.int(6),
            startedAt: Timestamp(microseconds: row.int64(12)),
            changedAt: Timestamp(microseconds: row.int64(13)),
            cursor: Resend.Cursor(topic: row.text(7), key: row.text(8), epoch: row.int(9), sequence: row.int64(10)),
            dueAt: Timestamp(microseconds: row.int64(11))
        )
    }
}

extension Resend.Cursor {
    init(_ event: Envelope) {
        self.init(topic: event.topic, key: event.key, epoch: event.epoch, sequence: event.sequence)
    }
}
