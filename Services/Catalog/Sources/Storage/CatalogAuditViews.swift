import MartletSQL

/// The views of the catalogue for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum CatalogAuditViews {
    static let migrations = [
        Migration(
            "catalog.audit",
            1,
            [
                "CREATE VIEW audit_products AS SELECT sku, name, stocked AS is_stocked FROM products",
                "CREATE VIEW audit_prices AS SELECT sku, effective_from, currency, units, nanos FROM prices",
            ]
        )
    ]
}
