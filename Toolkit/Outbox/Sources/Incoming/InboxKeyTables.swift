import MartletSQL

/// The tables of the module `inbox.keys`: what an inbox stores beside the position of a key's newest epoch.
enum InboxKeyTables {
    static let migrations = [
        Migration(
            "inbox.keys",
            1,
            [
                // The first number that the group accepted of the epoch.
                "ALTER TABLE inbox_positions ADD COLUMN base_sequence BIGINT NOT NULL DEFAULT 1",
                // Never deleted: the positions of epochs that have ended identify duplicates.
                """
                CREATE TABLE inbox_past_positions (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, base_sequence BIGINT NOT NULL, last_sequence BIGINT NOT NULL,
                    PRIMARY KEY (group_name, topic, key, source, epoch))
                """,
                // The lowest and highest number that were received and redelivered, until the position reaches the highest.
                """
                CREATE TABLE inbox_waiting (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, lowest BIGINT NOT NULL, highest BIGINT NOT NULL, since BIGINT NOT NULL,
                    PRIMARY KEY (group_name, topic, key, source, epoch))
                """,
                // Never deleted: numbers that an operator gave up, one row for each act.
                """
                CREATE TABLE inbox_skipped (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, first_sequence BIGINT NOT NULL, last_sequence BIGINT NOT NULL,
                    skipped_at BIGINT NOT NULL, PRIMARY KEY (group_name, topic, key, source, epoch, first_sequence))
                """,
                // Never deleted: a late event that comes again is a duplicate. `state` is late, redriven or dropped.
                """
                CREATE TABLE inbox_late (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, sequence BIGINT NOT NULL, id TEXT NOT NULL, time BIGINT NOT NULL,
                    traceparent TEXT, tenant TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL,
                    received_at BIGINT NOT NULL, PRIMARY KEY (group_name, topic, key, source, epoch, sequence))
                """,
                "CREATE INDEX inbox_late_open ON inbox_late (received_at) WHERE state = 'late'",
                // When each group began; NULL for groups that began before this table existed.
                """
                CREATE TABLE inbox_groups (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, began_at BIGINT, before_count BIGINT NOT NULL,
                    is_whole BIGINT NOT NULL DEFAULT 0,
                    PRIMARY KEY (group_name, topic))
                """,
                """
                INSERT INTO inbox_groups (group_name, topic, began_at, before_count)
                SELECT DISTINCT group_name, topic, NULL, 0 FROM inbox_positions
                """,
            ],
            postgres: [7: nil]
        ),
        Migration(
            "inbox.keys",
            2,
            [
                // Why the last redrive failed, and how many have.
                "ALTER TABLE inbox_late ADD COLUMN error TEXT NOT NULL DEFAULT ''",
                "ALTER TABLE inbox_late ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0",
                "CREATE INDEX inbox_late_redriving ON inbox_late (received_at) WHERE state = 'redriving'",
                "CREATE INDEX inbox_late_waiting ON inbox_late (received_at) WHERE state IN ('late', 'redriving')",
            ]
        ),
        Migration(
            "inbox.keys.audit",
            1,
            [
                """
                CREATE VIEW audit_late_events AS
                    SELECT group_name, topic, key, source, epoch, sequence, id AS event_id, time AS at, state, received_at
                    FROM inbox_late
                """,
                """
                CREATE VIEW audit_past_positions AS
                    SELECT group_name, topic, key, source, epoch, base_sequence, last_sequence FROM inbox_past_positions
                """,
                """
                CREATE VIEW audit_waiting_keys AS
                    SELECT group_name, topic, key, source, epoch, lowest, highest, since FROM inbox_waiting
                """,
                """
                CREATE VIEW audit_groups AS
                    SELECT group_name, topic, began_at, before_count FROM inbox_groups
                """,
            ]
        ),
        Migration(
            "inbox.keys.audit",
            2,
            [
                """
                CREATE VIEW audit_key_positions AS
                    SELECT group_name, topic, key, source, epoch, base_sequence, last_sequence FROM inbox_positions
                    UNION ALL
                    SELECT group_name, topic, key, source, epoch, base_sequence, last_sequence FROM inbox_past_positions
                """,
                """
                CREATE VIEW audit_skipped_events AS
                    SELECT group_name, topic, key, source, epoch, first_sequence, last_sequence, skipped_at
                    FROM inbox_skipped
                """,
            ]
        ),
    ]
}
