import MartletSQL

/// The tables of the module `inbox.attempts`: the processes that consume events, and what they were handling.
enum AttemptTables {
    static let migrations = [
        Migration(
            "inbox.attempts",
            1,
            [
                // The present process of each instance; without a row, its last one ended in order.
                """
                CREATE TABLE inbox_processes (
                    instance TEXT PRIMARY KEY, boot TEXT NOT NULL, is_suspect BIGINT NOT NULL, began_at BIGINT NOT NULL)
                """,
                // Instance and boot are NULL when no attempt holds the marker.
                """
                CREATE TABLE inbox_attempts (
                    group_name TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, sequence BIGINT NOT NULL, instance TEXT, boot TEXT,
                    lease_until BIGINT NOT NULL, ends BIGINT NOT NULL, marked_at BIGINT NOT NULL,
                    PRIMARY KEY (group_name, topic, key, source, epoch, sequence))
                """,
                "CREATE INDEX inbox_attempts_held ON inbox_attempts (instance, boot) WHERE instance IS NOT NULL",
            ]
        ),
        Migration(
            "inbox.attempts.audit",
            1,
            [
                """
                CREATE VIEW audit_attempts AS
                    SELECT group_name, topic, key, source, epoch, sequence, instance, boot, lease_until, ends, marked_at
                    FROM inbox_attempts
                """,
                """
                CREATE VIEW audit_processes AS
                    SELECT instance, boot, is_suspect, began_at FROM inbox_processes
                """,
            ]
        ),
    ]
}
