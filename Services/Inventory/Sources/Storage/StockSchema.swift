import MartletSQL

enum StockSchema {
    /// Reservations and movements are memories against repeats: one that was forgotten could happen again.
    static let retentions = [
        TableRetention("stock", .permanent(bound: "one for each SKU in a warehouse")),
        TableRetention("reservations", .permanent(bound: "one for each order, against repeats")),
        TableRetention("reservation_lines", .permanent(bound: "one for each SKU of an order")),
        TableRetention("movements", .permanent(bound: "one for each delivery, return and correction, against repeats")),
    ]

    static let migrations = [
        Migration(
            "inventory",
            1,
            [
                """
                CREATE TABLE stock (
                    sku TEXT NOT NULL,
                    warehouse TEXT NOT NULL,
                    available BIGINT NOT NULL CHECK (available >= 0),
                    on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
                    received BIGINT NOT NULL,
                    sold BIGINT NOT NULL,
                    returned BIGINT NOT NULL,
                    corrected BIGINT NOT NULL,
                    PRIMARY KEY (sku, warehouse)
                )
                """,
                """
                CREATE TABLE reservations (
                    id TEXT PRIMARY KEY,
                    status TEXT NOT NULL,
                    expires_at BIGINT NOT NULL,
                    changed_at BIGINT NOT NULL
                )
                """,
                "CREATE INDEX reservations_due ON reservations (expires_at) WHERE status = 'held'",
                """
                CREATE TABLE reservation_lines (
                    reservation_id TEXT NOT NULL REFERENCES reservations (id),
                    sku TEXT NOT NULL,
                    warehouse TEXT NOT NULL,
                    units BIGINT NOT NULL CHECK (units > 0),
                    PRIMARY KEY (reservation_id, sku, warehouse)
                )
                """,
                """
                CREATE TABLE movements (
                    id TEXT PRIMARY KEY,
                    contents TEXT NOT NULL,
                    on_hand BIGINT NOT NULL,
                    at BIGINT NOT NULL
                )
                """,
            ]
        ),
        // 1 is the form of contents in which names with `=`, `,` and blanks are ambiguous.
        Migration("inventory", 2, ["ALTER TABLE movements ADD COLUMN form BIGINT NOT NULL DEFAULT 1"]),
    ]
}
