import MartletSQL

/// The views of inventory for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum StockAuditViews {
    static let migrations = [
        Migration(
            "inventory.audit",
            1,
            [
                """
                CREATE VIEW audit_stock AS
                    SELECT sku, warehouse, available, on_hand, received, sold, returned, corrected FROM stock
                """,
                """
                CREATE VIEW audit_reservations AS
                    SELECT id AS reservation_id, status, expires_at, changed_at FROM reservations
                """,
                """
                CREATE VIEW audit_reservation_lines AS
                    SELECT reservation_id, sku, warehouse, units FROM reservation_lines
                """,
            ]
        )
    ]
}
