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
        // NULL when it is not known since when the event's key exists.
        Migration("eventlog.since", 1, ["ALTER TABLE log_events ADD COLUMN key_since BIGINT"]),
        Migration(
            "eventlog.groups",
            1,
            [
                // NULL for the log's own retention.
                "ALTER TABLE log_topics ADD COLUMN retention_seconds BIGINT",
                // The declared groups; NULL for one that was not seen since this table exists.
                """
                CREATE TABLE log_groups (
                    topic_id BIGINT NOT NULL, group_name TEXT NOT NULL, declared_at BIGINT NOT NULL,
                    last_seen_at BIGINT, PRIMARY KEY (topic_id, group_name))
                """,
                """
                INSERT INTO log_groups (topic_id, group_name, declared_at, last_seen_at)
                SELECT DISTINCT topic_id, group_name, 0, NULL FROM log_positions
                """,
                // Never deleted: what a group has not acknowledged and will not receive.
                """
                CREATE TABLE log_losses (
                    id BIGINT PRIMARY KEY, topic_id BIGINT NOT NULL, group_name TEXT NOT NULL,
                    partition BIGINT NOT NULL, first_number BIGINT NOT NULL, last_number BIGINT NOT NULL,
                    events BIGINT NOT NULL, reason TEXT NOT NULL, first_stored_at BIGINT NOT NULL,
                    last_stored_at BIGINT NOT NULL, booked_at BIGINT NOT NULL, confirmed_at BIGINT,
                    confirmed_by TEXT)
                """,
                "CREATE INDEX log_losses_open ON log_losses (topic_id, group_name) WHERE confirmed_at IS NULL",
                // What operators did.
                """
                CREATE TABLE log_audit (
                    number BIGINT PRIMARY KEY, who TEXT NOT NULL, act TEXT NOT NULL, target TEXT NOT NULL,
                    why TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, at BIGINT NOT NULL)
                """,
            ],
            postgres: [2: nil]
        ),
        Migration(
            "eventlog.groups.audit",
            1,
            [
                """
                CREATE VIEW audit_log_losses AS
                    SELECT loss.id AS id, topic.name AS topic, loss.group_name AS group_name,
                        loss.partition AS partition, loss.first_number AS first_number,
                        loss.last_number AS last_number, loss.events AS events, loss.reason AS reason,
                        loss.first_stored_at AS first_stored_at, loss.last_stored_at AS last_stored_at,
                        loss.booked_at AS booked_at, loss.confirmed_at AS confirmed_at,
                        loss.confirmed_by AS confirmed_by
                    FROM log_losses AS loss JOIN log_topics AS topic ON topic.id = loss.topic_id
                """
            ]
        ),
        // When the group's service has stored the loss in its own database; NULL until then.
        Migration("eventlog.losses", 1, ["ALTER TABLE log_losses ADD COLUMN taken_at BIGINT"]),
        // What the topic's publisher declares, also when the topic was made with another number; NULL when it declares none.
        Migration("eventlog.partitions", 1, ["ALTER TABLE log_topics ADD COLUMN declared_partitions BIGINT"]),
        // The service that a group belongs to; NULL for one of before, until a service declares or joins it.
        Migration("eventlog.owners", 1, ["ALTER TABLE log_groups ADD COLUMN service TEXT"]),
    ]
}
