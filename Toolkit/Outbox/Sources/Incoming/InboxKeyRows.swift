import MartletCore
import MartletMessaging
import MartletSQL

/// A group's statements on the rows of one key of one source.
struct InboxKeyRows: Sendable {
    let group: String
    let topic: String
    let key: String
    let source: String

    init(group: String, event: Envelope) {
        self.group = group
        topic = event.topic
        key = event.key
        source = event.source
    }

    /// What is stored, as far as it matters for the number, and what is stored about the number itself.
    ///
    /// One statement when the number is the next of its key, and nothing is parked or waits.
    func read(for number: EventNumber, in tx: borrowing SQLTransaction) throws -> (InboxKey, InboxKey.Record?) {
        var stored = InboxKey()
        var isBlocked = false
        let rows = try tx.run(
            """
            SELECT 0 AS kind, epoch, base_sequence, last_sequence FROM inbox_positions WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source)
            UNION ALL SELECT 1, 0, 0, 0 FROM inbox_parked_keys WHERE group_name = \(group) AND topic = \(topic)
                AND key = \(key)
            UNION ALL SELECT 2, 0, 0, 0 FROM inbox_waiting WHERE group_name = \(group) AND topic = \(topic)
                AND key = \(key) AND source = \(source)
            """
        )
        for row in rows {
            let kind = try row.int(0)
            if kind == 0 {
                stored.positions = try [InboxKey.Position(epoch: row.int(1), base: row.int64(2), last: row.int64(3))]
            } else {
                isBlocked = true
                if kind == 1 { stored.isParked = true }
            }
        }
        let isNext = stored.positions.last.map { $0.epoch == number.epoch && $0.last + 1 == number.sequence }
        if !isBlocked, isNext ?? (number.sequence == 1) { return (stored, nil) }
        try readRest(of: &stored, in: tx)
        return (stored, try record(of: number, isParked: stored.firstParked != nil, in: tx))
    }

    func readRest(of stored: inout InboxKey, in tx: borrowing SQLTransaction) throws {
        let past = try tx.run(
            """
            SELECT epoch, base_sequence, last_sequence FROM inbox_past_positions WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source) ORDER BY epoch
            """
        ).map { try InboxKey.Position(epoch: $0.int(0), base: $0.int64(1), last: $0.int64(2)) }
        stored.positions = past + stored.positions
        try extendOverSkipped(&stored, in: tx)
        stored.waiting = try tx.run(
            """
            SELECT epoch, lowest, highest FROM inbox_waiting WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source) ORDER BY epoch
            """
        ).map { try InboxKey.Waiting(epoch: $0.int(0), lowest: $0.int64(1), highest: $0.int64(2)) }
        guard stored.isParked else { return }
        stored.firstParked = try tx.run(
            """
            SELECT epoch, sequence FROM inbox_parked WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) ORDER BY epoch, sequence LIMIT 1
            """
        ).first.map { try EventNumber(epoch: $0.int(0), sequence: $0.int64(1)) }
    }

    /// Numbers that an operator skipped are not missing.
    private func extendOverSkipped(_ stored: inout InboxKey, in tx: borrowing SQLTransaction) throws {
        guard let position = stored.positions.popLast() else { return }
        let last = try lastSkipped(behind: EventNumber(epoch: position.epoch, sequence: position.last), in: tx)
        stored.positions.append(InboxKey.Position(epoch: position.epoch, base: position.base, last: last))
    }

    /// The last of the skipped numbers that follow a number without a gap; itself when none does.
    private func lastSkipped(behind number: EventNumber, in tx: borrowing SQLTransaction) throws -> Int64 {
        let skipped = try tx.run(
            """
            SELECT first_sequence, last_sequence FROM inbox_skipped WHERE group_name = \(group) AND topic = \(topic)
                AND key = \(key) AND source = \(source) AND epoch = \(number.epoch)
                AND last_sequence > \(number.sequence) ORDER BY first_sequence
            """
        )
        var last = number.sequence
        for row in skipped where try row.int64(0) <= last + 1 { last = try max(last, row.int64(1)) }
        return last
    }

    private func record(
        of number: EventNumber,
        isParked: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> InboxKey.Record? {
        let late = try tx.run(
            """
            SELECT 1 FROM inbox_late WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(number.epoch) AND sequence = \(number.sequence)
            """
        )
        guard late.isEmpty else { return .late }
        let skipped = try tx.run(
            """
            SELECT 1 FROM inbox_skipped WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(number.epoch)
                AND \(number.sequence) BETWEEN first_sequence AND last_sequence
            """
        )
        guard skipped.isEmpty else { return .skipped }
        guard isParked else { return nil }
        let parked = try tx.run(
            """
            SELECT 1 FROM inbox_parked WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(number.epoch) AND sequence = \(number.sequence)
            """
        )
        return parked.isEmpty ? nil : .parked
    }

    /// Moves the position to the number; the position of an older epoch is kept apart.
    func advance(_ stored: inout InboxKey, to number: EventNumber, in tx: borrowing SQLTransaction) throws {
        let base = stored.position(in: number.epoch)?.base ?? number.sequence
        if let current = stored.positions.last, current.epoch < number.epoch {
            try tx.run(
                """
                INSERT INTO inbox_past_positions (group_name, topic, key, source, epoch, base_sequence, last_sequence)
                VALUES (\(group), \(topic), \(key), \(source), \(current.epoch), \(current.base), \(current.last))
                ON CONFLICT DO NOTHING
                """
            )
        }
        try tx.run(
            """
            INSERT INTO inbox_positions (group_name, topic, key, source, epoch, base_sequence, last_sequence)
            VALUES (\(group), \(topic), \(key), \(source), \(number.epoch), \(base), \(number.sequence))
            ON CONFLICT (group_name, topic, key, source) DO UPDATE SET
                epoch = excluded.epoch, base_sequence = excluded.base_sequence, last_sequence = excluded.last_sequence
            """
        )
        stored.positions.removeAll { $0.epoch == number.epoch }
        stored.positions.append(InboxKey.Position(epoch: number.epoch, base: base, last: number.sequence))
        guard let waiting = stored.waiting.first(where: { $0.epoch == number.epoch }) else { return }
        guard try waiting.highest <= lastSkipped(behind: number, in: tx) else {
            // What is missing now is another number, with a patience of its own.
            try tx.run(
                """
                UPDATE inbox_waiting SET since = \(tx.date.microseconds) WHERE group_name = \(group)
                    AND topic = \(topic) AND key = \(key) AND source = \(source) AND epoch = \(number.epoch)
                """
            )
            return
        }
        stored.waiting.removeAll { $0.epoch == number.epoch }
        try tx.run(
            """
            DELETE FROM inbox_waiting WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(number.epoch)
            """
        )
    }

    /// Moves the position over the parked numbers that follow it in its epoch.
    func advanceOverParked(_ stored: inout InboxKey, in tx: borrowing SQLTransaction) throws {
        guard let position = stored.positions.last else { return }
        let numbers = try tx.run(
            """
            SELECT sequence FROM inbox_parked WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(position.epoch) AND sequence > \(position.last) ORDER BY sequence
            """
        )
        var last = position.last
        for number in numbers {
            guard try number.int64(0) == last + 1 else { break }
            last += 1
        }
        guard last > position.last else { return }
        try advance(&stored, to: EventNumber(epoch: position.epoch, sequence: last), in: tx)
    }

    /// Stores that the numbers are given up: they are not missing any more, and late when they come.
    func skip(_ first: EventNumber, through last: Int64, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO inbox_skipped (group_name, topic, key, source, epoch, first_sequence, last_sequence, skipped_at)
            VALUES (\(group), \(topic), \(key), \(source), \(first.epoch), \(first.sequence), \(last),
                \(tx.date.microseconds)) ON CONFLICT DO NOTHING
            """
        )
    }

    /// Stores that the number was received and is redelivered: events of newer epochs wait for it.
    ///
    /// - Returns: Since when something of its epoch has waited for the number after the position.
    func wait(at number: EventNumber, in tx: borrowing SQLTransaction) throws -> Timestamp {
        let now = try tx.date
        let rows = try tx.run(
            """
            INSERT INTO inbox_waiting (group_name, topic, key, source, epoch, lowest, highest, since)
            VALUES (\(group), \(topic), \(key), \(source), \(number.epoch), \(number.sequence), \(number.sequence),
                \(now.microseconds))
            ON CONFLICT (group_name, topic, key, source, epoch) DO UPDATE SET
                lowest = CASE WHEN excluded.lowest < inbox_waiting.lowest
                    THEN excluded.lowest ELSE inbox_waiting.lowest END,
                highest = CASE WHEN excluded.highest > inbox_waiting.highest
                    THEN excluded.highest ELSE inbox_waiting.highest END
            RETURNING since
            """
        )
        return try rows.first.map { try Timestamp(microseconds: $0.int64(0)) } ?? now
    }
}
