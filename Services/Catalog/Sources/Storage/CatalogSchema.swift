import MartletSQL

enum CatalogSchema {
    static let retentions = [
        TableRetention("products", .permanent(bound: "one for each SKU that a merchant imported")),
        TableRetention("prices", .permanent(bound: "one for each price that a merchant imported")),
        TableRetention("product_words", .permanent(bound: "one for each product")),
    ]

    static let migrations = [
        Migration(
            "catalog",
            1,
            [
                """
                CREATE TABLE products (
                    id INTEGER PRIMARY KEY,
                    sku TEXT NOT NULL UNIQUE,
                    name TEXT NOT NULL,
                    stocked BIGINT NOT NULL
                )
                """,
                """
                CREATE TABLE prices (
                    sku TEXT NOT NULL REFERENCES products (sku),
                    effective_from BIGINT NOT NULL,
                    currency TEXT NOT NULL,
                    units BIGINT NOT NULL,
                    nanos BIGINT NOT NULL,
                    PRIMARY KEY (sku, effective_from)
                )
                """,
                "CREATE VIRTUAL TABLE product_words USING fts5 (sku, name, tokenize = 'unicode61')",
            ]
        )
    ]
}
