package import MartletCore
package import MartletMessaging
package import MartletSQL

/// A late event: it came after its key had continued without it, and waits for an operator.
package struct LateMessage: Sendable, Hashable {
    package let group: String
    package let event: Envelope
    /// True while the running consumer has not handled it yet.
    package let isRedriving: Bool
    /// Why the last redrive failed; empty when none has.
    ///
    /// May contain event data: for operators only.
    package let error: String
    /// Failed redrives.
    package let attempts: Int
    package let receivedAt: Timestamp
}

/// The place of a late event in the list of all.
package struct LatePosition: Sendable {
    package let receivedAt: Timestamp
    package let group: String
    package let topic: String
    package let id: String

    package init(receivedAt: Timestamp, group: String, topic: String, id: String) {
        self.receivedAt = receivedAt
        self.group = group
        self.topic = topic
        self.id = id
    }
}

/// The late events of a service: stored apart from its parked keys, which they do not block.
///
/// A row stays permanently, so that a repeat is a duplicate. Its state is `late`; `redriving` after an operator's request;
/// then `redriven`, or `late` again when the handler fails; `dropped` when an operator has dismissed it.
package enum LateEvents {
    /// Maximum rows of one page.
    static let pageLimit = 500

    /// Stores the event until an operator redrives or dismisses it; a repeat does nothing.
    static func store(_ event: Envelope, group: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO inbox_late (group_name, topic, key, source, epoch, sequence, id, time, key_since, traceparent,
                tenant, type, content_type, body, state, received_at)
            VALUES (\(group), \(event.topic), \(event.key), \(event.source), \(event.epoch), \(event.sequence),
                \(event.id), \(event.time.microseconds), \(event.keySince?.microseconds), \(event.traceparent),
                \(event.tenant), \(event.type?.name), \(event.type?.contentType), \(event.body), 'late',
                \(tx.date.microseconds)) ON CONFLICT DO NOTHING
            """
        )
    }

    /// The events that no operator has dealt with, at most ``pageLimit``, by the time at which they were received.
    package static func list(after: LatePosition? = nil, in tx: borrowing SQLTransaction) throws -> [LateMessage] {
        let values: [SQLValue] = [
            (after?.receivedAt.microseconds ?? .min).sqlValue, (after?.group ?? "").sqlValue,
            (after?.topic ?? "").sqlValue, (after?.id ?? "").sqlValue, pageLimit.sqlValue,
        ]
        return try tx.run(
            SQLQuery(
                unchecked: """
                    SELECT \(columns) FROM inbox_late WHERE state IN ('late', 'redriving')
                        AND (received_at, group_name, topic, id) > ($1, $2, $3, $4)
                    ORDER BY received_at, group_name, topic, id LIMIT $5
                    """,
                values: values
            )
        ).map(message)
    }

    /// One event by its envelope's id; `nil` when it is not late, or an operator has dealt with it.
    package static func show(
        group: String,
        topic: String,
        id: String,
        in tx: borrowing SQLTransaction
    ) throws -> LateMessage? {
        try tx.run(
            SQLQuery(
                unchecked: """
                    SELECT \(columns) FROM inbox_late WHERE group_name = $1 AND topic = $2 AND id = $3
                        AND state IN ('late', 'redriving')
                    """,
                values: [group.sqlValue, topic.sqlValue, id.sqlValue]
            )
        ).first.map(message)
    }

    /// Requests that the running consumer handle one event, out of the order of its key.
    ///
    /// A repeat does nothing.
    ///
    /// - Returns: False when it does not wait for an operator.
    package static func redrive(
        group: String,
        topic: String,
        id: String,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        try !tx.run(
            """
            UPDATE inbox_late SET state = 'redriving' WHERE group_name = \(group) AND topic = \(topic) AND id = \(id)
                AND state IN ('late', 'redriving') RETURNING 1
            """
        ).isEmpty
    }

    /// Decides that one event is never handled.
    ///
    /// - Returns: False when it does not wait for an operator, as while it is redriven.
    package static func dismiss(
        group: String,
        topic: String,
        id: String,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        try !tx.run(
            """
            UPDATE inbox_late SET state = 'dropped' WHERE group_name = \(group) AND topic = \(topic) AND id = \(id)
                AND state = 'late' RETURNING 1
            """
        ).isEmpty
    }
}

extension LateEvents {
    private static let columns =
        """
        group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant, body, state, error, attempts,
        received_at, type, content_type, key_since
        """

    /// Events under redrive, in order.
    static func redriving(limit: Int, in tx: borrowing SQLTransaction) throws -> [LateMessage] {
        try tx.run(
            SQLQuery(
                unchecked: """
                    SELECT \(columns) FROM inbox_late WHERE state = 'redriving'
                    ORDER BY received_at, group_name, topic, id LIMIT $1
                    """,
                values: [limit.sqlValue]
            )
        ).map(message)
    }

    static func isRedriving(_ message: LateMessage, in tx: borrowing SQLTransaction) throws -> Bool {
        let event = message.event
        return try !tx.run(
            """
            SELECT 1 FROM inbox_late WHERE group_name = \(message.group) AND topic = \(event.topic)
                AND key = \(event.key) AND source = \(event.source) AND epoch = \(event.epoch)
                AND sequence = \(event.sequence) AND state = 'redriving'
            """
        ).isEmpty
    }

    /// Ends a redrive.
    ///
    /// - Returns: False when it is not redriven any more.
    static func finish(_ message: LateMessage, in tx: borrowing SQLTransaction) throws -> Bool {
        let event = message.event
        return try !tx.run(
            """
            UPDATE inbox_late SET state = 'redriven', error = '' WHERE group_name = \(message.group)
                AND topic = \(event.topic) AND key = \(event.key) AND source = \(event.source)
                AND epoch = \(event.epoch) AND sequence = \(event.sequence) AND state = 'redriving' RETURNING 1
            """
        ).isEmpty
    }

    /// The handler failed: the event waits for an operator again.
    static func fail(_ message: LateMessage, error: String, in tx: borrowing SQLTransaction) throws {
        let event = message.event
        try tx.run(
            """
            UPDATE inbox_late SET state = 'late', attempts = attempts + 1,
                error = \(String(error.prefix(Inbox.errorLimit)))
            WHERE group_name = \(message.group) AND topic = \(event.topic) AND key = \(event.key)
                AND source = \(event.source) AND epoch = \(event.epoch) AND sequence = \(event.sequence)
                AND state = 'redriving'
            """
        )
    }

    private static func message(_ row: SQLRow) throws -> LateMessage {
        try LateMessage(
            group: row.text(0),
            event: Envelope(
                id: row.text(6),
                source: row.text(3),
                epoch: row.int(4),
                topic: row.text(1),
                key: row.text(2),
                sequence: row.int64(5),
                time: Timestamp(microseconds: row.int64(7)),
                keySince: row.intIfPresent(17).map { Timestamp(microseconds: Int64($0)) },
                traceparent: row.textIfPresent(8),
                tenant: row.text(9),
                type: EventType(stored: row.textIfPresent(15), contentType: row.textIfPresent(16)),
                body: row.bytes(10)
            ),
            isRedriving: row.text(11) == "redriving",
            error: row.text(12),
            attempts: row.int(13),
            receivedAt: Timestamp(microseconds: row.int64(14))
        )
    }
}
