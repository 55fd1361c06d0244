import MartletSQL

/// The tables of the module `outbox`.
enum OutboxTables {
    static let migrations = [
        Migration(
            "outbox",
            1,
            [
                // One row: the current epoch and whether appends are refused; `identity` is of earlier versions.
                """
                CREATE TABLE outbox_source (
                    id BIGINT PRIMARY KEY CHECK (id = 1), epoch BIGINT NOT NULL, identity BIGINT NOT NULL,
                    is_full BIGINT NOT NULL)
                """,
                "INSERT INTO outbox_source (id, epoch, identity, is_full) VALUES (1, 1, 0, 0)",
                // Never deleted: a sequence number is never assigned twice.
                """
                CREATE TABLE outbox_keys (
                    topic TEXT NOT NULL, key TEXT NOT NULL, next_sequence BIGINT NOT NULL, last_time BIGINT NOT NULL,
                    PRIMARY KEY (topic, key))
                """,
                """
                CREATE TABLE outbox (
                    topic TEXT NOT NULL, key TEXT NOT NULL, epoch BIGINT NOT NULL, sequence BIGINT NOT NULL,
                    partition BIGINT NOT NULL, time BIGINT NOT NULL, traceparent TEXT, body BLOB NOT NULL, sent_at BIGINT,
                    PRIMARY KEY (topic, key, epoch, sequence))
                """,
                "CREATE INDEX outbox_unsent ON outbox (time, topic, key, epoch, sequence) WHERE sent_at IS NULL",
                "CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL",
                """
                CREATE TABLE outbox_leases (
                    partition BIGINT PRIMARY KEY, owner TEXT NOT NULL, epoch BIGINT NOT NULL, expires_at BIGINT NOT NULL)
                """,
            ]
        )
    ]
}
