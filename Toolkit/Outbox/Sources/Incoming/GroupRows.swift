import MartletCore
import MartletMessaging
import MartletSQL

/// A service's memory of the groups that have begun: `start` counts once, whatever the bus remembers.
enum GroupRows {
    /// When the group began; `nil` when it has not.
    static func beginning(of subscription: Subscription, in tx: borrowing SQLTransaction) throws -> GroupBeginning? {
        try tx.run(
            """
            SELECT began_at, is_whole FROM inbox_groups
            WHERE group_name = \(subscription.group) AND topic = \(subscription.topic)
            """
        ).first.map { row in
            let began = try row.isNull(0) ? nil : Timestamp(microseconds: row.int64(0))
            return try GroupBeginning(start: subscription.start, began: began, isWhole: row.bool(1))
        }
    }

    /// The last restore after which the group went back to the oldest event of the bus; 0 when there was none.
    static func rewound(_ subscription: Subscription, in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run(
            "SELECT rewound FROM inbox_groups WHERE group_name = \(subscription.group) AND topic = \(subscription.topic)"
        ).first?.int(0) ?? 0
    }

    /// Stores that the group went back after a restore.
    static func goBack(_ subscription: Subscription, after restore: Int, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE inbox_groups SET rewound = \(restore) WHERE group_name = \(subscription.group)
                AND topic = \(subscription.topic) AND rewound < \(restore)
            """
        )
    }

    /// Stores that the group begins now; a repeat does nothing.
    ///
    /// - Parameter isWhole: Whether the bus has every event of the topic.
    /// - Returns: When it began.
    static func begin(
        _ subscription: Subscription,
        isWhole: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> GroupBeginning {
        let now = try tx.date
        try tx.run(
            """
            INSERT INTO inbox_groups (group_name, topic, began_at, before_count, is_whole)
            VALUES (\(subscription.group), \(subscription.topic), \(now.microseconds), 0, \(isWhole ? 1 : 0)) ON CONFLICT DO NOTHING
            """
        )
        return try beginning(of: subscription, in: tx)
            ?? GroupBeginning(start: subscription.start, began: now, isWhole: isWhole)
    }

    /// Counts an event from before the beginning.
    static func countBefore(_ subscription: Subscription, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE inbox_groups SET before_count = before_count + 1
            WHERE group_name = \(subscription.group) AND topic = \(subscription.topic)
            """
        )
    }
}
