import MartletSQL

/// The table of the module `inbox.losses`.
enum LossTables {
    static let migrations = [
        Migration(
            "inbox.losses",
            1,
            [
                // Never deleted: ranges that the bus has removed before a group acknowledged them. Their bus identifies them by
                // group, topic, partition, first number and time: its own numbers of losses are lost with it.
                """
                CREATE TABLE inbox_losses (
                    id BIGINT PRIMARY KEY, group_name TEXT NOT NULL, topic TEXT NOT NULL, partition BIGINT NOT NULL,
                    first_number BIGINT NOT NULL, last_number BIGINT NOT NULL, events BIGINT NOT NULL,
                    reason TEXT NOT NULL, first_stored_at BIGINT NOT NULL, last_stored_at BIGINT NOT NULL,
                    booked_at BIGINT NOT NULL, confirmed_at BIGINT, confirmed_by TEXT,
                    UNIQUE (group_name, topic, partition, first_number, booked_at))
                """,
                "CREATE INDEX inbox_losses_open ON inbox_losses (id) WHERE confirmed_at IS NULL",
            ]
        ),
        Migration(
            "inbox.losses.audit",
            1,
            [
                """
                CREATE VIEW audit_losses AS
                    SELECT id, topic, group_name, partition, first_number, last_number, events, reason,
                        first_stored_at, last_stored_at, booked_at, confirmed_at, confirmed_by
                    FROM inbox_losses
                """
            ]
        ),
    ]
}
