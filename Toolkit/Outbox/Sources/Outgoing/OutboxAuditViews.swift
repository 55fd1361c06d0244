import MartletSQL

/// The views of the outbox for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum OutboxAuditViews {
    static let migrations = [
        Migration(
            "outbox.audit",
            1,
            [
                """
                CREATE VIEW audit_outbox AS
                    SELECT topic, key, epoch, sequence, body, time AS at, sent_at FROM outbox
                """,
                """
                CREATE VIEW audit_outbox_keys AS
                    SELECT topic, key, next_sequence - 1 AS last_sequence FROM outbox_keys
                """,
            ]
        )
    ]
}
