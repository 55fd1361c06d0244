import MartletSQL

/// The views of carts for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum CartAuditViews {
    static let migrations = [
        Migration(
            "carts.audit",
            1,
            [
                "CREATE VIEW audit_carts AS SELECT id AS cart_id, touched_at FROM carts",
                "CREATE VIEW audit_cart_lines AS SELECT cart_id, sku, quantity FROM cart_lines",
            ]
        )
    ]
}
