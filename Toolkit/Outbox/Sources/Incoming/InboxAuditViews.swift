import MartletSQL

/// The views of the inbox for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum InboxAuditViews {
    static let migrations = [
        Migration(
            "inbox.audit",
            1,
            [
                """
                CREATE VIEW audit_inbox_positions AS
                    SELECT group_name, topic, key, source, epoch, last_sequence FROM inbox_positions
                """,
                """
                CREATE VIEW audit_parked_keys AS
                    SELECT group_name, topic, key, redriving AS is_redriving FROM inbox_parked_keys
                """,
                """
                CREATE VIEW audit_parked_events AS
                    SELECT group_name, topic, key, source, epoch, sequence, id AS event_id, time AS at, error, attempts,
                        parked_at
                    FROM inbox_parked
                """,
            ]
        )
    ]
}
