package import MartletCore
package import MartletMessaging
package import MartletSQL

/// A parked event: it failed and waits for an operator, or it waits behind one that failed.
package struct ParkedMessage: Sendable, Hashable {
    package let group: String
    package let event: Envelope
    /// Why the last attempt failed.
    ///
    /// May contain event data: for operators only.
    package let error: String
    /// Failed attempts; 0 for an event that only waits behind another.
    package let attempts: Int
    package let parkedAt: Timestamp
}

/// A key of a topic that a group has parked.
package struct ParkedKey: Sendable, Hashable {
    package let group: String
    package let topic: String
    package let key: String
    /// The number of parked events.
    package let count: Int
    /// True while they are redriven.
    package let isRedriving: Bool

    package init(group: String, topic: String, key: String, count: Int, isRedriving: Bool) {
        self.group = group
        self.topic = topic
        self.key = key
        self.count = count
        self.isRedriving = isRedriving
    }
}

/// The operator's actions on parked events.
///
/// Each runs in the given transaction, so that an audit row commits with it.
package enum ParkedMessages {
    /// Maximum rows of one page.
    static let pageLimit = 500

    /// The parked keys by group, topic and key, at most ``pageLimit``, after `after`.
    package static func keys(after: ParkedKey? = nil, in tx: borrowing SQLTransaction) throws -> [ParkedKey] {
        let (group, topic, key) = (after?.group ?? "", after?.topic ?? "", after?.key ?? "")
        return try tx.run(
            """
            SELECT k.group_name, k.topic, k.key, k.redriving,
                (SELECT COUNT(*) FROM inbox_parked p
                    WHERE p.group_name = k.group_name AND p.topic = k.topic AND p.key = k.key)
            FROM inbox_parked_keys k WHERE (k.group_name, k.topic, k.key) > (\(group), \(topic), \(key))
            ORDER BY k.group_name, k.topic, k.key LIMIT \(pageLimit)
            """
        ).map {
            try ParkedKey(
                group: $0.text(0),
                topic: $0.text(1),
                key: $0.text(2),
                count: $0.int(4),
                isRedriving: $0.bool(3)
            )
        }
    }

    /// The events of one parked key in their order, at most ``pageLimit``.
    package static func list(
        group: String,
        topic: String,
        key: String,
        in tx: borrowing SQLTransaction
    ) throws -> [ParkedMessage] {
        try rows(group: group, topic: topic, key: key, limit: pageLimit, in: tx)
    }

    /// One parked event by its envelope's id; `nil` when it is not parked.
    package static func show(
        group: String,
        topic: String,
        id: String,
        in tx: borrowing SQLTransaction
    ) throws -> ParkedMessage? {
        try tx.run(
            SQLQuery(
                unchecked: "SELECT \(columns) FROM inbox_parked WHERE group_name = $1 AND topic = $2 AND id = $3",
                values: [group.sqlValue, topic.sqlValue, id.sqlValue]
            )
        ).first.map(message)
    }

    /// Replaces the body of a parked event by one of the topic's type; the next redrive handles the new body.
    ///
    /// - Returns: False when it is not parked.
    package static func edit(
        group: String,
        topic: String,
        id: String,
        body: [UInt8],
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        guard body.count <= Outbox.bodyLimit else {
            throw Fault(
                .invalidArgument,
                .requestTooLarge,
                "a body has at most \(Outbox.bodyLimit) bytes",
                field: "body"
            )
        }
        return try !tx.run(
            """
            UPDATE inbox_parked SET body = \(body), type = NULL, content_type = NULL
            WHERE group_name = \(group) AND topic = \(topic) AND id = \(id) RETURNING 1
            """
        ).isEmpty
    }

    /// Requests that the running consumer handle the key's events again, in order.
    ///
    /// A repeat does nothing.
    ///
    /// - Returns: False when the key is not parked.
    package static func redrive(
        group: String,
        topic: String,
        key: String,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        try !tx.run(
            """
            UPDATE inbox_parked_keys SET redriving = 1
            WHERE group_name = \(group) AND topic = \(topic) AND key = \(key) RETURNING 1
            """
        ).isEmpty
    }

    /// Gives up the events that are missing before the first parked one of the key, so that a redrive passes them.
    ///
    /// The skipped numbers are late when they come. A repeat, or a key without a gap, skips nothing.
    ///
    /// - Returns: The skipped numbers for the audit, as in `1/6-7` for epoch 1; `nil` when nothing is missing.
    package static func skipMissing(
        group: String,
        topic: String,
        key: String,
        in tx: borrowing SQLTransaction
    ) throws -> String? {
        guard let first = try rows(group: group, topic: topic, key: key, limit: 1, in: tx).first else { return nil }
        let (rows, number) = (InboxKeyRows(group: group, event: first.event), EventNumber(first.event))
        var (stored, _) = try rows.read(for: number, in: tx)
        var ranges: [String] = []
        while number.epoch >= stored.epoch, !stored.covers(number), let missing = stored.missing(before: number) {
            try rows.skip(missing.first, through: missing.last, in: tx)
            let last = EventNumber(epoch: missing.first.epoch, sequence: missing.last)
            try rows.advance(&stored, to: last, in: tx)
            ranges.append("\(last.epoch)/\(missing.first.sequence)-\(missing.last)")
        }
        return ranges.isEmpty ? nil : ranges.joined(separator: ", ")
    }

    /// Drops one parked event: it is never handled.
    ///
    /// The key is unparked when it was the last one. Behind a gap, the number of the event counts as skipped.
    ///
    /// - Returns: False when it is not parked.
    package static func drop(group: String, topic: String, id: String, in tx: borrowing SQLTransaction) throws -> Bool {
        guard let message = try show(group: group, topic: topic, id: id, in: tx) else { return false }
        let (rows, number) = (InboxKeyRows(group: group, event: message.event), EventNumber(message.event))
        if try !rows.read(for: number, in: tx).0.covers(number) {
            try rows.skip(number, through: number.sequence, in: tx)
            // What comes for it meanwhile must not be taken for the next of its key.
            _ = try rows.wait(at: number, in: tx)
        }
        try remove(message, in: tx)
        _ = try unparkIfEmpty(group: group, topic: topic, key: message.event.key, in: tx)
        return true
    }
}

extension ParkedMessages {
    private static let columns =
        "group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant, body, error, attempts, parked_at, "
        + "type, content_type, key_since"

    static func rows(
        group: String,
        topic: String,
        key: String,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [ParkedMessage] {
        try tx.run(
            SQLQuery(
                unchecked: """
                    SELECT \(columns) FROM inbox_parked WHERE group_name = $1 AND topic = $2 AND key = $3
                    ORDER BY source, epoch, sequence LIMIT $4
                    """,
                values: [group.sqlValue, topic.sqlValue, key.sqlValue, limit.sqlValue]
            )
        ).map(message)
    }

    static func isRedriving(
        group: String,
        topic: String,
        key: String,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        try !tx.run(
            """
            SELECT 1 FROM inbox_parked_keys
            WHERE redriving = 1 AND group_name = \(group) AND topic = \(topic) AND key = \(key)
            """
        ).isEmpty
    }

    /// Keys under redrive, in order.
    static func redriving(limit: Int, in tx: borrowing SQLTransaction) throws -> [ParkedKey] {
        try tx.run(
            """
            SELECT group_name, topic, key FROM inbox_parked_keys WHERE redriving = 1
            ORDER BY group_name, topic, key LIMIT \(limit)
            """
        ).map { try ParkedKey(group: $0.text(0), topic: $0.text(1), key: $0.text(2), count: 0, isRedriving: true) }
    }

    static func remove(_ message: ParkedMessage, in tx: borrowing SQLTransaction) throws {
        let event = message.event
        try tx.run(
            """
            DELETE FROM inbox_parked WHERE group_name = \(message.group) AND topic = \(event.topic)
                AND key = \(event.key) AND source = \(event.source) AND epoch = \(event.epoch)
                AND sequence = \(event.sequence)
            """
        )
        try AttemptRows(group: message.group, event: event).remove(in: tx)
    }

    /// Unparks the key when no event of it is left.
    ///
    /// - Returns: False when it stays parked.
    static func unparkIfEmpty(
        group: String,
        topic: String,
        key: String,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        guard try rows(group: group, topic: topic, key: key, limit: 1, in: tx).isEmpty else { return false }
        try tx.run(
            "DELETE FROM inbox_parked_keys WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)"
        )
        return true
    }

    private static func message(_ row: SQLRow) throws -> ParkedMessage {
        try ParkedMessage(
            group: row.text(0),
            event: Envelope(
                id: row.text(6),
                source: row.text(3),
                epoch: row.int(4),
                topic: row.text(1),
                key: row.text(2),
                sequence: row.int64(5),
                time: Timestamp(microseconds: row.int64(7)),
                keySince: row.intIfPresent(16).map { Timestamp(microseconds: Int64($0)) },
                traceparent: row.textIfPresent(8),
                tenant: row.text(9),
                type: EventType(stored: row.textIfPresent(14), contentType: row.textIfPresent(15)),
                body: row.bytes(10)
            ),
            error: row.text(11),
            attempts: row.int(12),
            parkedAt: Timestamp(microseconds: row.int64(13))
        )
    }
}
