import MartletSQL

/// The tables of the module `inbox`.
enum InboxTables {
    static let migrations = [
        Migration(
            "inbox",
            1,
            [
                // Never deleted: the last sequence number identifies duplicates.
                """
                CREATE TABLE inbox_positions (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, last_sequence BIGINT NOT NULL,
                    PRIMARY KEY (group_name, topic, key, source))
                """,
                // A key is parked as long as it has a row here.
                """
                CREATE TABLE inbox_parked_keys (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, redriving BIGINT NOT NULL,
                    PRIMARY KEY (group_name, topic, key))
                """,
                "CREATE INDEX inbox_redriving ON inbox_parked_keys (group_name, topic, key) WHERE redriving = 1",
                """
                CREATE TABLE inbox_parked (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, sequence BIGINT NOT NULL, id TEXT NOT NULL, time BIGINT NOT NULL,
                    traceparent TEXT, tenant TEXT NOT NULL, body BLOB NOT NULL, error TEXT NOT NULL,
                    attempts BIGINT NOT NULL, parked_at BIGINT NOT NULL,
                    PRIMARY KEY (group_name, topic, key, source, epoch, sequence))
                """,
            ]
        )
    ]
}
