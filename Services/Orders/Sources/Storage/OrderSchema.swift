import MartletSQL

enum OrderSchema {
    static let retentions =
        CustomerTexts.retentions + [TableRetention("order_headlines", .permanent(bound: "one for each order"))]

    static let migrations = [
        Migration(
            "orders",
            1,
            [
                """
                CREATE TABLE order_headlines (
                    order_id TEXT PRIMARY KEY,
                    status TEXT NOT NULL,
                    customer_id TEXT NOT NULL,
                    reference TEXT,
                    currency TEXT NOT NULL,
                    total BIGINT NOT NULL,
                    captured BIGINT NOT NULL,
                    refunded BIGINT NOT NULL,
                    returns BIGINT NOT NULL,
                    open_returns BIGINT NOT NULL,
                    placed_at BIGINT NOT NULL
                )
                """,
                "CREATE UNIQUE INDEX orders_by_reference ON order_headlines (reference) WHERE reference IS NOT NULL",
                "CREATE INDEX orders_by_customer ON order_headlines (customer_id, placed_at, order_id)",
                "CREATE INDEX orders_by_time ON order_headlines (placed_at, order_id)",
            ]
        ),
        // Empty for orders that were rejected before this migration.
        Migration("orders", 2, ["ALTER TABLE order_headlines ADD COLUMN reason TEXT NOT NULL DEFAULT ''"]),
        Migration(
            "orders",
            3,
            [
                "ALTER TABLE order_headlines ADD COLUMN cart_revision TEXT",
                """
                CREATE UNIQUE INDEX orders_by_cart ON order_headlines (cart_revision) WHERE cart_revision IS NOT NULL
                """,
            ]
        ),
        CustomerTextMigration.table,
        // A module of its own, so that an earlier version still starts.
        Migration(
            "orders.carts",
            1,
            [
                "ALTER TABLE order_headlines ADD COLUMN cart TEXT",
                "ALTER TABLE order_headlines ADD COLUMN cart_version BIGINT",
                // No longer unique: a replay inserts an order of a revision before it reads that another one failed.
                "DROP INDEX orders_by_cart",
                """
                CREATE INDEX orders_by_cart_revision ON order_headlines (cart_revision)
                    WHERE cart_revision IS NOT NULL
                """,
                """
                CREATE INDEX orders_by_cart_version ON order_headlines (cart, cart_version)
                    WHERE cart_version IS NOT NULL
                """,
            ]
        ),
    ]
}
