import CartsContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import SwiftProtobuf

/// The carts' tables.
struct CartStore: Sendable {
    static let linesLimit = 2_000
    /// How long an unused cart is retained.
    static let retention = Duration.seconds(90 * 24 * 3600)
    /// How many carts one purge transaction deletes.
    static let purgeBatch = 100

    static let migrations = [
        Migration(
            "carts",
            1,
            [
                "CREATE TABLE carts (id TEXT PRIMARY KEY, touched_at BIGINT NOT NULL)",
                "CREATE INDEX carts_by_age ON carts (touched_at)",
                """
                CREATE TABLE cart_lines (
                    cart_id TEXT NOT NULL REFERENCES carts (id),
                    sku TEXT NOT NULL,
                    quantity BIGINT NOT NULL CHECK (quantity > 0),
                    PRIMARY KEY (cart_id, sku)
                )
                """,
            ]
        ),
        Migration("carts", 2, ["ALTER TABLE carts ADD COLUMN revision TEXT NOT NULL DEFAULT ''"]),
    ]

    /// Creates the cart; a repeat only updates the time of its last use.
    func open(_ owner: CartOwner, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO carts (id, touched_at) VALUES (\(owner.cartID), \(tx.date.microseconds))
            ON CONFLICT (id) DO UPDATE SET touched_at = excluded.touched_at
            """
        )
    }

    /// The cart's lines, by SKU; a customer's cart always exists, a guest's must have been created.
    ///
    /// - Throws: `CartError.unknownCart`.
    func lines(_ owner: CartOwner, in tx: borrowing SQLTransaction) throws -> [(sku: String, quantity: Int)] {
        if case .guest = owner, try tx.run("SELECT 1 FROM carts WHERE id = \(owner.cartID)").isEmpty {
            throw CartError.unknownCart
        }
        return try tx.run("SELECT sku, quantity FROM cart_lines WHERE cart_id = \(owner.cartID) ORDER BY sku")
            .map { ($0.text(0), $0.int(1)) }
    }

    /// Identifies the present lines; `nil` for a cart without lines, whose row has none or the empty one.
    func revision(_ owner: CartOwner, in tx: borrowing SQLTransaction) throws -> String? {
        let stored = try tx.run("SELECT revision FROM carts WHERE id = \(owner.cartID)").first?.text(0)
        return stored == "" ? nil : stored
    }

    /// Sets a line, or removes it with quantity 0.
    ///
    /// A repeat changes nothing.
    ///
    /// - Parameter revision: The new revision.
    func set(
        _ sku: String,
        to quantity: Int,
        _ owner: CartOwner,
        revision: String,
        in tx: borrowing SQLTransaction
    ) throws {
        let before = try lines(owner, in: tx)
        try open(owner, in: tx)
        let existing = before.first { ExactText($0.sku) == ExactText(sku) }?.quantity ?? 0
        guard existing != quantity else { return }
        if quantity == 0 {
            try tx.run("DELETE FROM cart_lines WHERE cart_id = \(owner.cartID) AND sku = \(sku)")
        } else {
            guard existing > 0 || before.count < Self.linesLimit else {
                throw CartError.tooManyLines(limit: Self.linesLimit)
            }
            try tx.run(
                """
                INSERT INTO cart_lines (cart_id, sku, quantity) VALUES (\(owner.cartID), \(sku), \(quantity))
                ON CONFLICT (cart_id, sku) DO UPDATE SET quantity = excluded.quantity
                """
            )
        }
        try tx.run("UPDATE carts SET revision = \(revision) WHERE id = \(owner.cartID)")
        try publish(owner.cartID, orderID: nil, in: tx)
    }

    /// Empties a cart that became an order.
    ///
    /// A repeat, and an unknown cart, changes nothing.
    func empty(_ cartID: String, orderID: String, in tx: borrowing SQLTransaction) throws {
        let deleted = try tx.run("DELETE FROM cart_lines WHERE cart_id = \(cartID) RETURNING sku")
        guard !deleted.isEmpty else { return }
        try tx.run("UPDATE carts SET revision = '' WHERE id = \(cartID)")
        try publish(cartID, orderID: orderID, in: tx)
    }

    /// Deletes a batch of the oldest carts that are past their retention.
    ///
    /// - Returns: How many were deleted.
    func purge(in tx: borrowing SQLTransaction) throws -> Int {
        let due = (tx.date - Self.retention).microseconds
        let old = try tx.run(
            "SELECT id FROM carts WHERE touched_at < \(due) ORDER BY touched_at, id LIMIT \(Self.purgeBatch)"
        )
        for row in old {
            try tx.run("DELETE FROM cart_lines WHERE cart_id = \(row.text(0))")
            try tx.run("DELETE FROM carts WHERE id = \(row.text(0))")
        }
        return old.count
    }

    /// - Parameter orderID: The order that the cart became.
    private func publish(_ cartID: String, orderID: String?, in tx: borrowing SQLTransaction) throws {
        let rows = try tx.run("SELECT sku, quantity FROM cart_lines WHERE cart_id = \(cartID) ORDER BY sku")
        let event = CartChanged.with {
            $0.cartID = cartID
            $0.orderID = orderID ?? ""
            $0.lines = rows.map { row in
                .with {
                    $0.sku = row.text(0)
                    $0.quantity = UInt32(row.int(1))
                }
            }
        }
        try tx.publish(event, on: CartsTopics.carts)
    }
}
