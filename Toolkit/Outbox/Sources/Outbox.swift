import MartletCore
public import MartletMessaging
public import MartletSQL

/// What commits together with a service's writes: outgoing events, inbox positions and stored responses.
public enum Outbox {
    /// Maximum bytes of one event's body.
    public static let bodyLimit = 256 * 1_024
    /// Maximum bytes of a key.
    public static let keyLimit = 255
    /// Maximum events that one transaction appends.
    public static let appendLimit = 10_000
    /// How long an event stays in the table after it was published, unless its topic declares a retention.
    package static let sentRetention = Duration.seconds(7 * 24 * 3_600)
    /// Maximum rows that one call of ``purge(_:in:)`` removes from each table.
    package static let purgeBatch = 1_000
    /// Partitions of an outbox, which its relays share.
    static let partitions = 8
    /// Notified when events were committed.
    static let committed = SQLChannel("outbox")
    /// Notified when a relay has offered partitions to others, or has less than its share.
    static let shared = SQLChannel("outbox_relays")

    /// The tables of the modules `outbox`, `inbox` and `idempotency`, and their views for auditors.
    package static var migrations: [Migration] {
        OutboxTables.migrations + RelayTables.migrations + ResendTables.migrations + OutboxRefusals.migrations
            + SentRetention.migrations
            + InboxTables.migrations + InboxKeyTables.migrations + AttemptTables.migrations + RestoreTables.migrations
            + LossTables.migrations + EventTypeColumns.migrations + KeySinceColumns.migrations + Idempotency.migrations
            + OutboxAuditViews.migrations + InboxAuditViews.migrations
    }

    /// Removes a batch of rows that are past their retention; repeat it while it returns ``purgeBatch`` or more.
    ///
    /// - Parameter sent: How long published events stay.
    /// - Returns: The number of removed rows.
    package static func purge(_ sent: SentRetention, in tx: borrowing SQLTransaction) throws -> Int {
        try sent.purge(limit: purgeBatch, in: tx) + Idempotency.purge(in: tx)
            + AttemptRows.purge(limit: purgeBatch, in: tx)
    }

    /// To be run once on a database that was restored from a backup, before its service starts.
    ///
    /// Consumers have seen sequence numbers that the backup does not contain; in a new epoch numbers start again at 1, and
    /// each key exists since its first event there. A repeat begins another epoch.
    ///
    /// - Parameters:
    ///   - log: The highest epoch of this source that the log holds; `nil` when it holds no event of it.
    ///   - entropy: Makes two restores of one backup differ.
    /// - Returns: The epoch.
    @discardableResult
    static func beginEpoch(
        after log: Int?,
        _ entropy: any Entropy,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        let backup = try tx.run("SELECT epoch FROM outbox_source").first?.int(0) ?? 0
        let epoch = try SourceEpoch.after(now: tx.date, backup: backup, log: log, entropy)
        try tx.run("UPDATE outbox_source SET epoch = \(epoch)")
        try tx.run("UPDATE outbox_keys SET next_sequence = 1, first_time = NULL")
        return epoch
    }

    /// Events that are committed and not yet acknowledged by the broker, oldest first.
    public static func unsent(limit: Int, in tx: borrowing SQLTransaction) throws -> [OutgoingEvent] {
        try tx.run(
            """
            SELECT topic, key, body, type, content_type FROM outbox WHERE sent_at IS NULL
            ORDER BY time, topic, key, epoch, sequence LIMIT \(limit)
            """
        ).map { row in
            try OutgoingEvent(
                topic: row.text(0),
                key: row.text(1),
                type: EventType(stored: row.textIfPresent(3), contentType: row.textIfPresent(4)),
                body: row.bytes(2)
            )
        }
    }
}
