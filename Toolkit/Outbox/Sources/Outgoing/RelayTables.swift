import MartletSQL

/// The tables of the module `outbox.relays`: who shares the partitions of an outbox.
enum RelayTables {
    static let migrations = [
        Migration(
            "outbox.relays",
            1,
            [
                // By instance, not by process: a process that crashes and starts again counts once.
                """
                CREATE TABLE outbox_relays (
                    instance TEXT PRIMARY KEY, boot BIGINT NOT NULL, since BIGINT NOT NULL, lease_until BIGINT NOT NULL)
                """,
                // Whether another relay gave the partition to its owner, which has not taken it yet.
                "ALTER TABLE outbox_leases ADD COLUMN is_offer BIGINT NOT NULL DEFAULT 0",
            ]
        ),
        Migration(
            "outbox.relays.audit",
            1,
            [
                "CREATE VIEW audit_outbox_relays AS SELECT instance, since, lease_until FROM outbox_relays",
                """
                CREATE VIEW audit_outbox_leases AS
                    SELECT partition, owner AS instance, expires_at AS lease_until FROM outbox_leases
                """,
            ]
        ),
    ]
}
