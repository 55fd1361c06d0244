import CatalogContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import SharedContract
import SwiftProtobuf

/// The tables of products, prices and the full-text index.
struct CatalogStore: Sendable {
    /// Creates or replaces a product; publishes it only when it changed.
    func put(_ product: Product, in tx: borrowing SQLTransaction) throws {
        let existing = try tx.run("SELECT id, name, stocked FROM products WHERE sku = \(product.sku)").first
        if let existing, try ExactText(existing.text(1)) == ExactText(product.name),
            try existing.bool(2) == product.isStocked
        {
            return
        }
        let id: Int
        if let existing {
            id = try existing.int(0)
            try tx.run("UPDATE products SET name = \(product.name), stocked = \(product.isStocked) WHERE id = \(id)")
            try tx.run("DELETE FROM product_words WHERE rowid = \(id)")
        } else {
            id = try tx.run(
                """
                INSERT INTO products (sku, name, stocked) VALUES (\(product.sku), \(product.name), \(product.isStocked))
                RETURNING id
                """
            )[0].int(0)
        }
        try tx.run("INSERT INTO product_words (rowid, sku, name) VALUES (\(id), \(product.sku), \(product.name))")
        try publish(product, in: tx)
    }

    /// Sets prices, each from its effective time; publishes the product once, and only when a price changed.
    ///
    /// - Throws: `CatalogError.unknownSKU`.
    func set(_ prices: [DatedPrice], of sku: String, in tx: borrowing SQLTransaction) throws {
        guard let product = try product(sku, in: tx)?.product else { throw CatalogError.unknownSKU(sku) }
        var changed = false
        for price in prices {
            let isNew = try set(price, of: sku, in: tx)
            changed = changed || isNew
        }
        if changed { try publish(product, in: tx) }
    }

    /// - Returns: False when the price was the same already.
    private func set(_ price: DatedPrice, of sku: String, in tx: borrowing SQLTransaction) throws -> Bool {
        let from = price.effectiveFrom.microseconds
        let existing = try tx.run(
            "SELECT currency, units, nanos FROM prices WHERE sku = \(sku) AND effective_from = \(from)"
        ).first.map { try Self.unitPrice($0, at: 0) }
        if existing == price.price { return false }
        try tx.run(
            """
            INSERT INTO prices (sku, effective_from, currency, units, nanos)
            VALUES (\(sku), \(from), \(price.price.currency), \(price.price.units), \(price.price.nanos))
            ON CONFLICT (sku, effective_from) DO UPDATE SET currency = excluded.currency, units = excluded.units,
                nanos = excluded.nanos
            """
        )
        return true
    }

    func product(_ sku: String, in tx: borrowing SQLTransaction) throws -> PricedProduct? {
        guard let row = try tx.run("SELECT name, stocked FROM products WHERE sku = \(sku)").first else { return nil }
        let product = try Product(sku: sku, name: row.text(0), isStocked: row.bool(1))
        return PricedProduct(product: product, price: try price(of: sku, in: tx))
    }

    /// The matching products after `sku`, ordered by SKU.
    func search(
        _ query: SearchQuery,
        after sku: String,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [PricedProduct] {
        let rows: [SQLRow]
        if let words = query.fts5 {
            rows = try tx.run(
                """
                SELECT sku, name, stocked FROM products
                WHERE sku > \(sku) AND id IN (SELECT rowid FROM product_words WHERE product_words MATCH \(words))
                ORDER BY sku LIMIT \(limit)
                """
            )
        } else if query.isBlank {
            rows = try tx.run(
                "SELECT sku, name, stocked FROM products WHERE sku > \(sku) ORDER BY sku LIMIT \(limit)"
            )
        } else {
            return []
        }
        var found: [PricedProduct] = []
        for row in rows {
            let product = try Product(sku: row.text(0), name: row.text(1), isStocked: row.bool(2))
            found.append(PricedProduct(product: product, price: try price(of: product.sku, in: tx)))
        }
        return found
    }

    /// A product's prices that take effect after a time, oldest first.
    func prices(
        of sku: String,
        after moment: Timestamp,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [DatedPrice] {
        try tx.run(
            """
            SELECT effective_from, currency, units, nanos FROM prices
            WHERE sku = \(sku) AND effective_from > \(moment.microseconds) ORDER BY effective_from LIMIT \(limit)
            """
        ).map {
            try DatedPrice(price: try Self.unitPrice($0, at: 1), effectiveFrom: Timestamp(microseconds: $0.int64(0)))
        }
    }

    /// The current price.
    private func price(of sku: String, in tx: borrowing SQLTransaction) throws -> UnitPrice? {
        try tx.run(
            """
            SELECT currency, units, nanos FROM prices WHERE sku = \(sku) AND effective_from <= \(tx.date.microseconds)
            ORDER BY effective_from DESC LIMIT 1
            """
        ).first.map { try Self.unitPrice($0, at: 0) }
    }

    private func publish(_ product: Product, in tx: borrowing SQLTransaction) throws {
        let event = ProductChanged.with {
            $0.sku = product.sku
            $0.name = product.name
            $0.stocked = product.isStocked
        }
        try tx.publish(event, on: CatalogTopics.products)
    }

    /// - Throws: `UnreadableRow` when the nanos are out of range.
    private static func unitPrice(_ row: SQLRow, at column: Int) throws -> UnitPrice {
        let nanos = try row.decode(column + 2, as: Int32.self)
        return try .with {
            $0.currency = try row.text(column)
            $0.units = try row.int64(column + 1)
            $0.nanos = nanos
        }
    }
}
