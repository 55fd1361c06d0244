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
        // A module of its own, so that an earlier version still starts: what it writes has no parts.
        Migration(
            "carts.units",
            1,
            [
                "ALTER TABLE carts ADD COLUMN version BIGINT NOT NULL DEFAULT 1",
                "ALTER TABLE cart_lines ADD COLUMN parts TEXT NOT NULL DEFAULT '[]'",
            ]
        ),
    ]

    static let retentions = ["carts", "cart_lines"].map {
        TableRetention($0, .purged(after: retention, since: "the cart's last use", by: "forget carts"))
    }

    /// Creates the cart; a repeat only updates the time of its last use.
    ///
    /// Its first version is the time in microseconds, so that a cart that was deleted has none of its versions again.
    func open(_ owner: CartOwner, in tx: borrowing SQLTransaction) throws {
        let now = try tx.date.microseconds
        try tx.run(
            """
            INSERT INTO carts (id, touched_at, version) VALUES (\(owner.cartID), \(now), \(max(1, now)))
            ON CONFLICT (id) DO UPDATE SET touched_at = excluded.touched_at
            """
        )
    }

    /// The cart's contents; a customer's cart always exists, a guest's must have been created.
    ///
    /// - Throws: `CartError.unknownCart`.
    func contents(_ owner: CartOwner, in tx: borrowing SQLTransaction) throws -> CartContents {
        try requireKnown(owner, in: tx)
        return try contents(of: owner.cartID, in: tx) ?? CartContents()
    }

    private func requireKnown(_ owner: CartOwner, in tx: borrowing SQLTransaction) throws {
        guard case .guest = owner, try tx.run("SELECT 1 FROM carts WHERE id = \(owner.cartID)").isEmpty else { return }
        throw CartError.unknownCart
    }

    private func contents(of cartID: String, in tx: borrowing SQLTransaction) throws -> CartContents? {
        guard let cart = try tx.run("SELECT version, revision FROM carts WHERE id = \(cartID)").first else {
            return nil
        }
        let (version, revision) = try (cart.int(0), cart.text(1))
        let rows = try tx.run("SELECT sku, quantity, parts FROM cart_lines WHERE cart_id = \(cartID) ORDER BY sku")
        return CartContents(
            version: version,
            revision: revision.isEmpty ? nil : revision,
            lines: try rows.map { row in
                let parts = try StoredJSON.value([LineUnits.Part].self, from: row.text(2))
                return try CartContents.Line(
                    sku: row.text(0),
                    units: LineUnits(stored: parts, quantity: row.int(1), version: version)
                )
            }
        )
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
        try requireKnown(owner, in: tx)
        try open(owner, in: tx)
        var cart = try contents(owner, in: tx)
        let index = cart.lines.firstIndex { ExactText($0.sku) == ExactText(sku) }
        var units = index.map { cart.lines[$0].units } ?? LineUnits()
        guard units.quantity != quantity else { return }
        guard index != nil || cart.lines.count < Self.linesLimit else {
            throw CartError.tooManyLines(limit: Self.linesLimit)
        }
        cart.version += 1
        units.set(quantity, in: cart.version)
        try store(units, of: sku, in: owner.cartID, in: tx)
        try close(owner, version: cart.version, revision: revision, orderID: nil, in: tx)
    }

    /// Removes the units that an order takes: those that were in the cart in the version that was ordered.
    ///
    /// A repeat, and an unknown cart, changes nothing.
    func take(version: Int, of owner: CartOwner, orderID: String, in tx: borrowing SQLTransaction) throws {
        guard var cart = try contents(of: owner.cartID, in: tx) else { return }
        let before = cart
        for index in cart.lines.indices { cart.lines[index].units.take(version: version) }
        let changed = zip(before.lines, cart.lines).filter { $0 != $1 }.map { $1 }
        guard !changed.isEmpty else { return }
        for line in changed { try store(line.units, of: line.sku, in: owner.cartID, in: tx) }
        cart.version += 1
        let isEmpty = cart.lines.allSatisfy { $0.units.quantity == 0 }
        let revision = isEmpty ? "" : "\(orderID)/\(cart.version)"
        try close(owner, version: cart.version, revision: revision, orderID: orderID, in: tx)
    }

    /// Stores a line; one without units is deleted.
    private func store(
        _ units: LineUnits,
        of sku: String,
        in cartID: String,
        in tx: borrowing SQLTransaction
    ) throws {
        guard units.quantity > 0 else {
            try tx.run("DELETE FROM cart_lines WHERE cart_id = \(cartID) AND sku = \(sku)")
            return
        }
        let parts = try StoredJSON.text(units.parts)
        try tx.run(
            """
            INSERT INTO cart_lines (cart_id, sku, quantity, parts)
            VALUES (\(cartID), \(sku), \(units.quantity), \(parts))
            ON CONFLICT (cart_id, sku) DO UPDATE SET quantity = excluded.quantity, parts = excluded.parts
            """
        )
    }

    /// Ends a change of a cart: stores its new version, and publishes the contents of a customer's cart.
    ///
    /// A guest's cart has no events: a key is kept permanently, and unknown callers make guest carts.
    ///
    /// - Parameter orderID: The order that took units, if one did.
    private func close(
        _ owner: CartOwner,
        version: Int,
        revision: String,
        orderID: String?,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run("UPDATE carts SET version = \(version), revision = \(revision) WHERE id = \(owner.cartID)")
        if case .customer = owner { try publish(owner.cartID, orderID: orderID, in: tx) }
    }

    /// Deletes a batch of the oldest carts that are past their retention.
    ///
    /// - Returns: How many were deleted.
    func purge(in tx: borrowing SQLTransaction) throws -> Int {
        let due = try (tx.date - Self.retention).microseconds
        let old = try tx.run(
            "SELECT id FROM carts WHERE touched_at < \(due) ORDER BY touched_at, id LIMIT \(Self.purgeBatch)"
        )
        for row in old {
            try tx.run("DELETE FROM cart_lines WHERE cart_id = \(row.text(0))")
            try tx.run("DELETE FROM carts WHERE id = \(row.text(0))")
        }
        return old.count
    }

    /// - Parameter orderID: The order that took units, if one did.
    private func publish(_ cartID: String, orderID: String?, in tx: borrowing SQLTransaction) throws {
        let rows = try tx.run("SELECT sku, quantity FROM cart_lines WHERE cart_id = \(cartID) ORDER BY sku")
        let event = try CartChanged.with {
            $0.cartID = cartID
            $0.orderID = orderID ?? ""
            $0.lines = try rows.map { row in
                try .with {
                    $0.sku = try row.text(0)
                    $0.quantity = try row.decode(1, as: UInt32.self)
                }
            }
        }
        try tx.publish(event, on: CartsTopics.carts)
    }
}
