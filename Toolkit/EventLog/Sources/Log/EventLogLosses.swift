import MartletCore
import MartletMessaging
import MartletSQL

/// What groups have not acknowledged and will not receive: booked with the act that removed it.
///
/// The group's service takes it into its own database, where an operator confirms it; what no service has taken is listed
/// and confirmed here.
enum EventLogLosses {
    /// Maximum rows of one page.
    static let pageLimit = 200
    /// Maximum losses that a member is given when it joins.
    static let memberLimit = 1_000

    struct Event: Sendable {
        let number: Int64
        let storedAt: Int64
    }

    /// Books purged events, in order; a range that continues an open one is added to it.
    static func book(
        _ events: [Event],
        topic: Int,
        group: String,
        partition: Int,
        in tx: borrowing SQLTransaction
    ) throws {
        var rest = events[...]
        while let first = rest.first {
            let count = zip(rest.indices, rest).prefix { $1.number == first.number + Int64($0 - rest.startIndex) }.count
            let run = rest.prefix(count)
            rest = rest.dropFirst(count)
            let last = run[run.endIndex - 1]
            let stored = run.map(\.storedAt)
            let (oldest, newest) = (stored.min() ?? 0, stored.max() ?? 0)
            let extended = try tx.run(
                """
                UPDATE log_losses SET last_number = \(last.number), events = events + \(count),
                    last_stored_at = \(newest)
                WHERE topic_id = \(topic) AND group_name = \(group) AND partition = \(partition)
                    AND confirmed_at IS NULL AND taken_at IS NULL AND reason = 'purged' AND last_number = \(first.number - 1) RETURNING 1
                """
            )
            guard extended.isEmpty else { continue }
            try insert(
                topic: topic,
                group: group,
                partition: partition,
                reason: "purged",
                numbers: first.number...last.number,
                events: count,
                storedAt: oldest...newest,
                in: tx
            )
        }
    }

    /// Books all stored events of a partition that the group has not acknowledged.
    ///
    /// - Returns: Their number.
    static func bookRest(
        topic: Int,
        group: String,
        partition: Int,
        floor: Int64,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        let row = try tx.run(
            """
            SELECT COUNT(*), MIN(number), MAX(number), MIN(stored_at), MAX(stored_at) FROM log_events AS event
            WHERE topic_id = \(topic) AND partition = \(partition) AND number > \(floor) AND NOT EXISTS (
                SELECT 1 FROM log_acknowledged AS done WHERE done.topic_id = event.topic_id
                    AND done.group_name = \(group) AND done.partition = event.partition AND done.number = event.number)
            """
        ).first
        guard let row, try row.int(0) > 0 else { return 0 }
        let count = try row.int(0)
        try insert(
            topic: topic,
            group: group,
            partition: partition,
            reason: "removed",
            numbers: row.int64(1)...row.int64(2),
            events: count,
            storedAt: row.int64(3)...row.int64(4),
            in: tx
        )
        return count
    }

    private static func insert(
        topic: Int,
        group: String,
        partition: Int,
        reason: String,
        numbers: ClosedRange<Int64>,
        events: Int,
        storedAt: ClosedRange<Int64>,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            INSERT INTO log_losses (id, topic_id, group_name, partition, first_number, last_number, events, reason,
                first_stored_at, last_stored_at, booked_at)
            VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM log_losses), \(topic), \(group), \(partition),
                \(numbers.lowerBound), \(numbers.upperBound), \(events), \(reason), \(storedAt.lowerBound),
                \(storedAt.upperBound), \(tx.date.microseconds))
            """
        )
    }

    /// Those that no service has taken, oldest first.
    static func list(after id: Int64, confirmed: Bool, in tx: borrowing SQLTransaction) throws -> [LossRecord] {
        try tx.run(
            """
            SELECT loss.id, topic.name, loss.group_name, loss.partition, loss.first_number, loss.last_number,
                loss.events, loss.reason, loss.first_stored_at, loss.last_stored_at, loss.booked_at,
                loss.confirmed_at, loss.confirmed_by
            FROM log_losses AS loss JOIN log_topics AS topic ON topic.id = loss.topic_id
            WHERE loss.id > \(id) AND loss.taken_at IS NULL AND (loss.confirmed_at IS NULL OR \(confirmed))
            ORDER BY loss.id LIMIT \(pageLimit)
            """
        ).map { row in
            var record = LossRecord()
            record.id = try row.int64(0)
            record.topic = try row.text(1)
            record.group = try row.text(2)
            record.partition = try Int32(clamping: row.int(3))
            record.first = try row.int64(4)
            record.last = try row.int64(5)
            record.events = try row.int64(6)
            record.reason = try row.text(7)
            record.firstStoredAt = try row.int64(8)
            record.lastStoredAt = try row.int64(9)
            record.bookedAt = try row.int64(10)
            record.confirmedAt = try Int64(row.intIfPresent(11) ?? 0)
            record.confirmedBy = try row.textIfPresent(12) ?? ""
            return record
        }
    }

    // MARK: Services

    /// The losses of a group that no operator has confirmed here, oldest first; without those that its service has taken,
    /// unless `again`.
    static func untaken(
        topic: Int,
        group: String,
        again: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> [GroupLoss] {
        try tx.run(
            """
            SELECT partition, first_number, last_number, events, reason, first_stored_at, last_stored_at, booked_at
            FROM log_losses WHERE topic_id = \(topic) AND group_name = \(group) AND confirmed_at IS NULL
                AND (taken_at IS NULL OR \(again)) ORDER BY id LIMIT \(memberLimit)
            """
        ).map { row in
            let stored = try (row.int64(5), row.int64(6))
            return try GroupLoss(
                partition: row.int(0),
                offsets: row.int64(1)...row.int64(2),
                events: row.int(3),
                reason: row.text(4),
                storedAt: Timestamp(microseconds: stored.0)...Timestamp(microseconds: max(stored.0, stored.1)),
                removedAt: Timestamp(microseconds: row.int64(7))
            )
        }
    }

    /// The service of the group has stored the loss; a repeat does nothing, and a loss that has grown meanwhile stays.
    static func take(_ loss: GroupLoss, topic: Int, group: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE log_losses SET taken_at = \(tx.date.microseconds)
            WHERE topic_id = \(topic) AND group_name = \(group) AND partition = \(loss.partition)
                AND first_number = \(loss.offsets.lowerBound) AND last_number = \(loss.offsets.upperBound)
                AND booked_at = \(loss.removedAt.microseconds) AND taken_at IS NULL
            """
        )
    }

    // MARK: Operators

    /// A repeat does nothing.
    ///
    /// - Returns: False when there is no such loss.
    static func confirm(_ id: Int64, by action: EventLogAudit.Action, in tx: borrowing SQLTransaction) throws -> Bool {
        let changed = try tx.run(
            """
            UPDATE log_losses SET confirmed_at = \(tx.date.microseconds), confirmed_by = \(action.who)
            WHERE id = \(id) AND confirmed_at IS NULL RETURNING events
            """
        )
        if let row = changed.first {
            try EventLogAudit.write(action, before: "\(row.int(0)) events", after: "confirmed", in: tx)
            return true
        }
        return try !tx.run("SELECT 1 FROM log_losses WHERE id = \(id)").isEmpty
    }

    /// The events of losses that no service has taken and no operator has confirmed, by topic and group.
    static func open(in tx: borrowing SQLTransaction) throws -> [[ExactText]: Int64] {
        let rows = try tx.run(
            """
            SELECT topic.name, loss.group_name, loss.events FROM log_losses AS loss
            JOIN log_topics AS topic ON topic.id = loss.topic_id
            WHERE loss.confirmed_at IS NULL AND loss.taken_at IS NULL
            """
        )
        var sums: [[ExactText]: Int64] = [:]
        for row in rows { try sums[[ExactText(row.text(0)), ExactText(row.text(1))], default: 0] += row.int64(2) }
        return sums
    }
}
