import MartletCore
import MartletSQL

extension InboxKeyRows {
    /// A parked event whose predecessor is not parked.
    private struct Run {
        let number: EventNumber
        let keySince: Timestamp?
        let parkedAt: Timestamp
        /// The last parked sequence of its epoch before it; 0 when there is none.
        let previous: Int64
    }

    private var name: InboxKeyName { InboxKeyName(group: group, topic: topic, key: key, source: source) }

    init(_ name: InboxKeyName) {
        group = name.group
        topic = name.topic
        key = name.key
        source = name.source
    }

    /// Everything that is stored about the key but the records of single numbers.
    func readAll(in tx: borrowing SQLTransaction) throws -> InboxKey {
        var stored = InboxKey()
        stored.positions = try tx.run(
            """
            SELECT epoch, base_sequence, last_sequence FROM inbox_positions WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source)
            """
        ).map { try InboxKey.Position(epoch: $0.int(0), base: $0.int64(1), last: $0.int64(2)) }
        stored.isParked = try !tx.run(
            "SELECT 1 FROM inbox_parked_keys WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)"
        ).isEmpty
        try readRest(of: &stored, in: tx)
        return stored
    }

    /// The gaps of the key by epoch and sequence, at most `limit` of parked events.
    func gaps(
        _ stored: InboxKey,
        beginning: GroupBeginning,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [Gap] {
        let skipped = try skippedRanges(in: tx)
        var gaps: [Gap] = []
        for run in try runs(limit: limit, in: tx) where run.number.epoch >= stored.epoch {
            let epoch = run.number.epoch
            let before = max(stored.last(in: epoch), run.previous)
            let isBase =
                before == 0 && beginning.acceptsBase(keySince: run.keySince)
                && !stored.waiting.contains { $0.epoch == epoch && $0.lowest < run.number.sequence }
            guard !isBase, before + 1 < run.number.sequence else { continue }
            for range in Self.parts(of: before + 1...run.number.sequence - 1, without: skipped[epoch] ?? []) {
                gaps.append(gap(epoch, range, state: .parked, since: run.parkedAt))
            }
        }
        for (waiting, since) in try waitingRows(in: tx) where waiting.epoch >= stored.epoch {
            let next = stored.last(in: waiting.epoch) + 1
            guard next <= waiting.highest, !gaps.contains(where: { $0.epoch == waiting.epoch && $0.first == next }),
                try !isParked(EventNumber(epoch: waiting.epoch, sequence: next), in: tx)
            else { continue }
            let isReturned = waiting.lowest <= next
            let range = isReturned ? next...waiting.highest : next...waiting.lowest - 1
            for part in Self.parts(of: range, without: skipped[waiting.epoch] ?? []) {
                gaps.append(gap(waiting.epoch, part, state: isReturned ? .returned : .waiting, since: since))
            }
        }
        return gaps.sorted { ($0.epoch, $0.first) < ($1.epoch, $1.first) }
    }

    private func gap(_ epoch: Int, _ range: ClosedRange<Int64>, state: Gap.State, since: Timestamp) -> Gap {
        Gap(name: name, epoch: epoch, first: range.lowerBound, last: range.upperBound, state: state, since: since)
    }

    private func isParked(_ number: EventNumber, in tx: borrowing SQLTransaction) throws -> Bool {
        try !tx.run(
            """
            SELECT 1 FROM inbox_parked WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
                AND source = \(source) AND epoch = \(number.epoch) AND sequence = \(number.sequence)
            """
        ).isEmpty
    }

    private func runs(limit: Int, in tx: borrowing SQLTransaction) throws -> [Run] {
        try tx.run(
            """
            SELECT p.epoch, p.sequence, p.key_since, p.parked_at,
                (SELECT MAX(q.sequence) FROM inbox_parked q WHERE q.group_name = p.group_name AND q.topic = p.topic
                    AND q.key = p.key AND q.source = p.source AND q.epoch = p.epoch AND q.sequence < p.sequence)
            FROM inbox_parked p WHERE p.group_name = \(group) AND p.topic = \(topic) AND p.key = \(key)
                AND p.source = \(source) AND NOT EXISTS (
                    SELECT 1 FROM inbox_parked r WHERE r.group_name = p.group_name AND r.topic = p.topic
                        AND r.key = p.key AND r.source = p.source AND r.epoch = p.epoch AND r.sequence = p.sequence - 1)
            ORDER BY p.epoch, p.sequence LIMIT \(limit)
            """
        ).map { row in
            try Run(
                number: EventNumber(epoch: row.int(0), sequence: row.int64(1)),
                keySince: row.intIfPresent(2).map { Timestamp(microseconds: Int64($0)) },
                parkedAt: Timestamp(microseconds: row.int64(3)),
                previous: Int64(row.intIfPresent(4) ?? 0)
            )
        }
    }

    private func waitingRows(in tx: borrowing SQLTransaction) throws -> [(waiting: InboxKey.Waiting, since: Timestamp)]
    {
        try tx.run(
            """
            SELECT epoch, lowest, highest, since FROM inbox_waiting WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source) ORDER BY epoch
            """
        ).map { row in
            let waiting = try InboxKey.Waiting(epoch: row.int(0), lowest: row.int64(1), highest: row.int64(2))
            return (waiting, Timestamp(microseconds: try row.int64(3)))
        }
    }

    /// By epoch, in order.
    private func skippedRanges(in tx: borrowing SQLTransaction) throws -> [Int: [ClosedRange<Int64>]] {
        var ranges: [Int: [ClosedRange<Int64>]] = [:]
        for row in try tx.run(
            """
            SELECT epoch, first_sequence, last_sequence FROM inbox_skipped WHERE group_name = \(group)
                AND topic = \(topic) AND key = \(key) AND source = \(source) ORDER BY epoch, first_sequence
            """
        ) {
            try ranges[row.int(0), default: []].append(row.int64(1)...row.int64(2))
        }
        return ranges
    }

    /// What is left of a range, in order.
    static func parts(of range: ClosedRange<Int64>, without others: [ClosedRange<Int64>]) -> [ClosedRange<Int64>] {
        var parts: [ClosedRange<Int64>] = []
        var next = range.lowerBound
        for other in others where other.overlaps(range) {
            if next < other.lowerBound { parts.append(next...other.lowerBound - 1) }
            next = max(next, other.upperBound + 1)
        }
        if next <= range.upperBound { parts.append(next...range.upperBound) }
        return parts
    }
}
