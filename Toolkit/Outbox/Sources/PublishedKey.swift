package import MartletCore
package import MartletSQL

/// A key of a service's outbox: what it has published in its newest epoch, and what it still holds of it.
package struct PublishedKey: Sendable {
    package let topic: String
    package let key: String
    package let epoch: Int
    /// The last number that was given to an event; 0 when there was none in this epoch.
    package let last: Int64
    /// The first number that is still stored; `nil` when none is.
    package let firstHeld: Int64?
    /// When it had its last event.
    package let lastTime: Timestamp

    /// Keys of one page.
    static let pageLimit = 1_000

    /// The keys by topic and key, after one; empty when there are no more.
    package static func list(after: PublishedKey? = nil, in tx: borrowing SQLTransaction) throws -> [PublishedKey] {
        let epoch = try tx.run("SELECT epoch FROM outbox_source").first?.int(0) ?? 1
        return try tx.run(
            """
            SELECT k.topic, k.key, k.next_sequence - 1, k.last_time,
                (SELECT MIN(o.sequence) FROM outbox o
                    WHERE o.topic = k.topic AND o.key = k.key AND o.epoch = \(epoch))
            FROM outbox_keys k WHERE (k.topic, k.key) > (\(after?.topic ?? ""), \(after?.key ?? ""))
            ORDER BY k.topic, k.key LIMIT \(pageLimit)
            """
        ).map { row in
            try PublishedKey(
                topic: row.text(0),
                key: row.text(1),
                epoch: epoch,
                last: row.int64(2),
                firstHeld: row.intIfPresent(4).map { Int64($0) },
                lastTime: Timestamp(microseconds: row.int64(3))
            )
        }
    }

    /// What each group of a consumer's database has not handled of this key, whether its source holds it or not.
    ///
    /// A group that has handled nothing of the key is not listed when the key is older than the group.
    ///
    /// - Parameter source: The publishing service.
    package func missing(
        of source: String,
        in tx: borrowing SQLTransaction
    ) throws -> [(group: String, range: ClosedRange<Int64>)] {
        var missing: [(group: String, range: ClosedRange<Int64>)] = []
        for group in try tx.run("SELECT group_name, began_at FROM inbox_groups WHERE topic = \(topic)") {
            let name = try group.text(0)
            let position = try tx.run(
                """
                SELECT last_sequence FROM inbox_positions WHERE group_name = \(name) AND topic = \(topic)
                    AND key = \(key) AND source = \(source) AND epoch = \(epoch)
                """
            ).first
            let handled = try position?.int64(0) ?? 0
            let isOlder = try group.intIfPresent(1).map { lastTime.microseconds < Int64($0) } ?? true
            guard handled < last, position != nil || !isOlder else { continue }
            missing.append((name, handled + 1...last))
        }
        return missing
    }

    /// When the oldest of some numbers was committed, of those that are published and still stored.
    ///
    /// - Returns: `nil` when none is.
    package func oldestTime(of numbers: Range<Int64>, in tx: borrowing SQLTransaction) throws -> Timestamp? {
        try tx.run(
            """
            SELECT MIN(time) FROM outbox WHERE topic = \(topic) AND key = \(key) AND epoch = \(epoch)
                AND sequence >= \(numbers.lowerBound) AND sequence < \(numbers.upperBound) AND sent_at IS NOT NULL
            """
        ).first?.intIfPresent(0).map { Timestamp(microseconds: Int64($0)) }
    }
}
