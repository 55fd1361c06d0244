import MartletCore
import MartletMessaging
import MartletSQL

/// A relay's statements on the outbox's tables.
enum OutboxStore {
    /// The right to send one partition of the outbox, until it expires.
    struct Lease: Sendable, Hashable {
        let partition: Int
        let fencingToken: Int
    }

    struct Row: Sendable {
        let partition: Int
        let event: Envelope
        /// How often the broker has refused an event of its key since it last accepted one.
        let refusals: Int
    }

    /// The scope of sequence numbers.
    private struct EventStream: Hashable {
        let topic: ExactText
        let epoch: Int
        let key: ExactText
    }

    /// The leases of `owner` that are valid, which stay so until the transaction ends.
    static func held(by owner: String, in tx: borrowing SQLTransaction) throws -> [Lease] {
        try tx.run(
            """
            SELECT partition, epoch FROM outbox_leases WHERE owner = \(owner)
                AND expires_at > \(tx.date.microseconds) ORDER BY partition \(lock: .waiting, in: tx.dialect)
            """
        ).map(Lease.init(row:))
    }

    /// Unsent events of the leased partitions, oldest first: for each key a run without gaps from its first unsent
    /// number.
    ///
    /// Without keys of which an event was refused, until their pause has passed.
    static func waiting(
        _ leases: [Lease],
        source: String,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [Row] {
        // Unlocked: what is sent is decided when it is marked.
        try tx.run(
            """
            SELECT o.topic, o.key, o.epoch, o.sequence, o.time, o.traceparent, o.body, o.type, o.content_type,
                o.key_since, o.partition, refused.attempts
            FROM outbox AS o
            LEFT JOIN outbox_refused AS refused ON refused.topic = o.topic AND refused.key = o.key
            WHERE o.sent_at IS NULL AND o.partition IN (\(list: leases.map(\.partition)))
                AND (refused.retry_at IS NULL OR refused.retry_at <= \(tx.date.microseconds))
            ORDER BY o.time, o.topic, o.key, o.epoch, o.sequence LIMIT \(limit)
            """
        ).map { row in
            try Row(
                partition: row.int(10),
                event: Envelope(outboxRow: row, of: source),
                refusals: row.intIfPresent(11) ?? 0
            )
        }
    }

    /// Marks the events that were sent under leases that are still valid.
    ///
    /// Events that are not marked are sent again by the current lease holder.
    ///
    /// - Returns: The leases that are still valid.
    static func mark(
        _ rows: [Row],
        sentUnder leases: [Lease],
        by owner: String,
        in tx: borrowing SQLTransaction
    ) throws -> [Lease] {
        let valid = try held(by: owner, in: tx).filter(leases.contains)
        let partitions = Set(valid.map(\.partition))
        var runs: [(event: Envelope, last: Int64)] = []
        var indices: [EventStream: Int] = [:]
        for row in rows where partitions.contains(row.partition) {
            let event = row.event
            let stream = EventStream(topic: ExactText(event.topic), epoch: event.epoch, key: ExactText(event.key))
            if let index = indices[stream] {
                runs[index].last = row.event.sequence
            } else {
                indices[stream] = runs.count
                runs.append((row.event, row.event.sequence))
            }
        }
        for (event, last) in runs {
            try tx.run(
                """
                UPDATE outbox SET sent_at = \(tx.date.microseconds) WHERE topic = \(event.topic) AND key = \(event.key)
                    AND epoch = \(event.epoch) AND sequence BETWEEN \(event.sequence) AND \(last)
                """
            )
        }
        return valid
    }

    /// Closes or opens the outbox for appends; returns whether it is closed.
    static func updateBackpressure(limit: Int, in tx: borrowing SQLTransaction) throws -> Bool {
        // Unlocked: the limit is approximate.
        let rows = try tx.run(
            "SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE sent_at IS NULL LIMIT \(limit)) AS waiting"
        )
        let full = try rows.first.map { try $0.int(0) >= limit } ?? false
        try tx.run("UPDATE outbox_source SET is_full = \(full) WHERE is_full <> \(full)")
        return full
    }
}

extension OutboxStore.Lease {
    /// - Throws: `UnreadableRow`.
    fileprivate init(row: SQLRow) throws { try self.init(partition: row.int(0), fencingToken: row.int(1)) }
}
