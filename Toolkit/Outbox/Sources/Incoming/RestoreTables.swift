import MartletSQL

/// The table of the module `inbox.restores`.
enum RestoreTables {
    static let migrations = [
        Migration(
            "inbox.restores",
            1,
            [
                // Never deleted: one row for each restore of the database from a backup.
                """
                CREATE TABLE inbox_restores (
                    number BIGINT PRIMARY KEY, epoch BIGINT NOT NULL, restored_at BIGINT NOT NULL)
                """,
                // The last restore after which the group went back to the oldest event of the bus.
                "ALTER TABLE inbox_groups ADD COLUMN rewound BIGINT NOT NULL DEFAULT 0",
            ]
        )
    ]
}
