import MartletCore
import MartletMessaging
import MartletSQL

/// Removes old events of one topic, and books what a group without members has not acknowledged.
struct EventLogPurge: Sendable {
    /// A group that no longer keeps events.
    struct Passed: Sendable {
        let group: String
        /// By partition.
        let floors: [Int64]
    }

    /// The new floor of a group that was passed.
    struct Move: Sendable {
        let group: String
        let partition: Int
        let floor: Int64
    }

    let topic: Int
    let name: String
    /// By partition: up to here every group that keeps events has acknowledged.
    let floors: [Int64]
    let passed: [Passed]

    /// Removes at most `limit` events that were stored before `date`.
    func remove(
        before date: Timestamp,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> (removed: Int, moves: [Move]) {
        var removed = 0
        var moves: [Move] = []
        for (partition, floor) in floors.enumerated() where removed < limit {
            let rows = try tx.run(
                """
                DELETE FROM log_events WHERE topic_id = \(topic) AND partition = \(partition) AND number IN (
                    SELECT number FROM log_events WHERE topic_id = \(topic) AND partition = \(partition)
                        AND number <= \(floor) AND stored_at < \(date.microseconds)
                    ORDER BY number LIMIT \(limit - removed)
                ) AND stored_at < \(date.microseconds) RETURNING number, stored_at
                """
            )
            removed += rows.count
            guard !passed.isEmpty, !rows.isEmpty else { continue }
            let events = try rows.map { try EventLogLosses.Event(number: $0.int64(0), storedAt: $0.int64(1)) }
                .sorted { $0.number < $1.number }
            for group in passed where group.floors[partition] < events[events.count - 1].number {
                moves.append(try move(group, partition, past: events, in: tx))
            }
        }
        return (removed, moves)
    }

    private func move(
        _ group: Passed,
        _ partition: Int,
        past events: [EventLogLosses.Event],
        in tx: borrowing SQLTransaction
    ) throws -> Move {
        let old = group.floors[partition]
        let acknowledged = try tx.run(
            """
            SELECT number FROM log_acknowledged WHERE topic_id = \(topic) AND group_name = \(group.group)
                AND partition = \(partition) AND number BETWEEN \(old + 1) AND \(events[events.count - 1].number)
            """
        )
        let known = Set(try acknowledged.map { try $0.int64(0) })
        let lost = events.filter { $0.number > old && !known.contains($0.number) }
        try EventLogLosses.book(lost, topic: topic, group: group.group, partition: partition, in: tx)
        let next = try tx.run(
            """
            SELECT MIN(number) FROM log_events
            WHERE topic_id = \(topic) AND partition = \(partition) AND number > \(old)
            """
        ).first?.intIfPresent(0)
        let floor = next.map { Int64($0) - 1 } ?? floors[partition]
        try tx.run(
            """
            UPDATE log_positions SET floor = \(floor) WHERE topic_id = \(topic) AND group_name = \(group.group)
                AND partition = \(partition) AND floor < \(floor)
            """
        )
        try tx.run(
            """
            DELETE FROM log_acknowledged WHERE topic_id = \(topic) AND group_name = \(group.group)
                AND partition = \(partition) AND number <= \(floor)
            """
        )
        return Move(group: group.group, partition: partition, floor: floor)
    }
}
