package import MartletCore
package import MartletMessaging
package import MartletSQL

/// A loss that a service has stored for one of its groups.
package struct InboxLoss: Sendable, Hashable {
    package let id: Int64
    package let group: String
    package let topic: String
    package let loss: GroupLoss
    /// `nil` until an operator has confirmed it.
    package let confirmedAt: Timestamp?
    package let confirmedBy: String?
}

/// What the groups of a service have not acknowledged and will not receive: taken from the bus, confirmed by an operator.
package enum InboxLosses {
    /// Maximum losses of one page.
    static let pageLimit = 200

    /// Stores what the bus has removed of a group; what is stored already stays, but for a range that has grown: an
    /// operator has confirmed less of it.
    static func store(_ losses: [GroupLoss], of subscription: Subscription, in tx: borrowing SQLTransaction) throws {
        for loss in losses {
            try tx.run(
                """
                INSERT INTO inbox_losses (id, group_name, topic, partition, first_number, last_number, events, reason,
                    first_stored_at, last_stored_at, booked_at)
                VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM inbox_losses), \(subscription.group),
                    \(subscription.topic), \(loss.partition), \(loss.offsets.lowerBound), \(loss.offsets.upperBound),
                    \(loss.events), \(loss.reason), \(loss.storedAt.lowerBound.microseconds),
                    \(loss.storedAt.upperBound.microseconds), \(loss.removedAt.microseconds))
                ON CONFLICT (group_name, topic, partition, first_number, booked_at) DO UPDATE SET
                    last_number = excluded.last_number, events = excluded.events,
                    last_stored_at = excluded.last_stored_at, confirmed_at = NULL, confirmed_by = NULL
                WHERE inbox_losses.last_number < excluded.last_number
                """
            )
        }
    }

    /// Oldest first, after the loss `id`; with those that an operator has confirmed, if `confirmed`.
    package static func list(
        after id: Int64,
        confirmed: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> [InboxLoss] {
        try tx.run(
            """
            SELECT id, group_name, topic, partition, first_number, last_number, events, reason, first_stored_at,
                last_stored_at, booked_at, confirmed_at, confirmed_by
            FROM inbox_losses WHERE id > \(id) AND (confirmed_at IS NULL OR \(confirmed ? 1 : 0) = 1)
            ORDER BY id LIMIT \(pageLimit)
            """
        ).map { row in
            let loss = try GroupLoss(
                partition: row.int(3),
                offsets: row.int64(4)...row.int64(5),
                events: row.int(6),
                reason: row.text(7),
                storedAt: Timestamp(microseconds: row.int64(8))...Timestamp(microseconds: row.int64(9)),
                removedAt: Timestamp(microseconds: row.int64(10))
            )
            return try InboxLoss(
                id: row.int64(0),
                group: row.text(1),
                topic: row.text(2),
                loss: loss,
                confirmedAt: row.intIfPresent(11).map { Timestamp(microseconds: Int64($0)) },
                confirmedBy: row.textIfPresent(12)
            )
        }
    }

    /// Stores that an operator knows of a loss.
    ///
    /// - Returns: The number of its events; `nil` when there is no such loss, or it is confirmed.
    package static func confirm(_ id: Int64, by who: String, in tx: borrowing SQLTransaction) throws -> Int? {
        try tx.run(
            """
            UPDATE inbox_losses SET confirmed_at = \(tx.date.microseconds), confirmed_by = \(who)
            WHERE id = \(id) AND confirmed_at IS NULL RETURNING events
            """
        ).first?.int(0)
    }

    /// Whether there is such a loss, confirmed or not.
    package static func exists(_ id: Int64, in tx: borrowing SQLTransaction) throws -> Bool {
        try !tx.run("SELECT 1 FROM inbox_losses WHERE id = \(id)").isEmpty
    }

    /// The events of losses that no operator has confirmed.
    package static func unconfirmedEvents(in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run("SELECT COALESCE(SUM(events), 0) FROM inbox_losses WHERE confirmed_at IS NULL").first?.int(0) ?? 0
    }
}
