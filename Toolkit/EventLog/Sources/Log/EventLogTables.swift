import MartletSQL

/// The tables of the module `eventlog`.
enum EventLogTables {
    static let migrations = [
        Migration(
            "eventlog",
            1,
            [
                "CREATE TABLE log_topics (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
                // Never deleted: an offset is never assigned twice, even when all events are past their retention.
                """
                CREATE TABLE log_partitions (
                    topic_id BIGINT NOT NULL, partition BIGINT NOT NULL, head BIGINT NOT NULL,
                    PRIMARY KEY (topic_id, partition))
                """,
                """
                CREATE TABLE log_events (
                    topic_id BIGINT NOT NULL, partition BIGINT NOT NULL, number BIGINT NOT NULL, id TEXT NOT NULL,
                    source TEXT NOT NULL, epoch BIGINT NOT NULL, key TEXT NOT NULL, sequence BIGINT NOT NULL,
                    time BIGINT NOT NULL, traceparent TEXT, tenant TEXT NOT NULL, body BLOB NOT NULL,
                    stored_at BIGINT NOT NULL, PRIMARY KEY (topic_id, partition, number))
                """,
                // One row per group and partition: everything up to the floor is acknowledged.
                """
                CREATE TABLE log_positions (
                    topic_id BIGINT NOT NULL, group_name TEXT NOT NULL, partition BIGINT NOT NULL, floor BIGINT NOT NULL,
                    PRIMARY KEY (topic_id, group_name, partition))
                """,
                // Acknowledged above the floor.
                """
                CREATE TABLE log_acknowledged (
                    topic_id BIGINT NOT NULL, group_name TEXT NOT NULL, partition BIGINT NOT NULL, number BIGINT NOT NULL,
                    PRIMARY KEY (topic_id, group_name, partition, number))
                """,
            ]
        ),
        // NULL for events that were stored before events had types.
        Migration(
            "eventlog.types",
            1,
            [
                "ALTER TABLE log_events ADD COLUMN type TEXT",
                "ALTER TABLE log_events ADD COLUMN content_type TEXT",
            ]
        ),
    ]
}
