import MartletCore
public import MartletMessaging
public import MartletSQL

/// What commits together with an effect: outgoing events, taken events, and answers to requests that may be repeated.
public enum Outbox {
    /// Of one event's body, in bytes.
    public static let bodyLimit = 256 * 1_024
    /// Of a key, in bytes.
    public static let keyLimit = 255
    /// Events that one transaction may append.
    public static let appendLimit = 10_000
    /// How long an event stays in the table after the broker has it, for audits.
    public static let sentRetention = Duration.seconds(24 * 3_600)
    /// Rows that one call of ``purge(in:)`` removes from each table.
    public static let purgeBatch = 1_000
    /// Relays share out an outbox in so many parts.
    static let partitions = 8

    /// The tables of the rooms `outbox`, `inbox` and `idempotency`.
    public static var migrations: [Migration] {
        OutboxTables.migrations + InboxTables.migrations + Idempotency.migrations
    }

    /// Removes a batch of what has outlived its retention; repeat it until it answers 0.
    ///
    /// - Returns: How many rows went.
    public static func purge(in tx: borrowing SQLTransaction) throws -> Int {
        let before = tx.date - sentRetention
        let sent = try tx.run(
            """
            DELETE FROM outbox WHERE (topic, key, epoch, sequence) IN (
                SELECT topic, key, epoch, sequence FROM outbox WHERE sent_at IS NOT NULL
                    AND sent_at < \(before.microseconds) ORDER BY sent_at LIMIT \(purgeBatch)
            ) RETURNING 1
            """
        )
        return try sent.count + Idempotency.purge(in: tx)
    }

    /// To be run once on a database that was restored from a backup, before its service starts.
    ///
    /// Consumers have seen numbers that the backup does not know; in a new epoch, numbers begin anew.
    public static func beginEpoch(in tx: borrowing SQLTransaction) throws {
        try tx.run("UPDATE outbox_source SET epoch = epoch + 1")
        try tx.run("UPDATE outbox_keys SET next_sequence = 1")
    }

    /// What has been committed and not yet been acknowledged by the broker, oldest first.
    public static func unsent(limit: Int, in tx: borrowing SQLTransaction) throws -> [Message] {
        try tx.run(
            "SELECT topic, key, body FROM outbox WHERE sent_at IS NULL ORDER BY time, topic, key, epoch, sequence LIMIT \(limit)"
        ).map { Message(topic: $0.text(0), key: $0.text(1), body: $0.bytes(2)) }
    }
}
