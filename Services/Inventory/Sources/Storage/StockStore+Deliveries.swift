import MartletCore
import MartletOutbox
import MartletSQL

extension StockStore {
    /// Adds delivered stock, once per `id`.
    ///
    /// - Throws: `StockError.movementMismatch` when `id` exists with other contents.
    func receive(
        _ id: String,
        _ units: [SKU: Int],
        warehouse: ExactText,
        kind: MovementKind,
        in tx: borrowing SQLTransaction
    ) throws {
        let lines = units.sorted { $0.key < $1.key }
        let contents = MovementContents(kind: kind, warehouse: warehouse, lines: lines.map { ($0.key, $0.value) })
        guard try insertMovement(id, contents, onHand: 0, in: tx) else { return }
        for (sku, count) in lines {
            let received = kind == .received ? count : 0
            let returned = kind == .returned ? count : 0
            try tx.run(
                """
                INSERT INTO stock (sku, warehouse, available, on_hand, received, sold, returned, corrected)
                VALUES (\(sku.code), \(warehouse), \(count), \(count), \(received), 0, \(returned), 0)
                ON CONFLICT (sku, warehouse) DO UPDATE SET available = stock.available + excluded.available,
                    on_hand = stock.on_hand + excluded.on_hand, received = stock.received + excluded.received,
                    returned = stock.returned + excluded.returned
                """
            )
        }
        let changes = lines.map {
            Change(location: StockLocation(sku: $0.key, warehouse: warehouse), available: $0.value, onHand: $0.value)
        }
        for event in try Movement(id: id, kind: kind, changes: changes).events { try tx.append(event) }
    }

    /// Corrects stock after a count, once per `id`; returns the units on hand afterwards.
    ///
    /// - Throws: `StockError.insufficient` when fewer units are available than are removed;
    ///   `StockError.movementMismatch` when `id` exists with other contents.
    func correct(
        _ id: String,
        _ location: StockLocation,
        by change: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        let (sku, warehouse) = (location.sku.code, location.warehouse)
        let row = try tx.run(
            "SELECT available, on_hand FROM stock WHERE sku = \(sku) AND warehouse = \(warehouse)"
        ).first
        let available = try row?.int(0) ?? 0
        let contents = MovementContents(kind: .corrected, warehouse: warehouse, lines: [(location.sku, change)])
        let onHand = try (row?.int(1) ?? 0) + change
        guard try insertMovement(id, contents, onHand: onHand, in: tx) else {
            return try tx.run("SELECT on_hand FROM movements WHERE id = \(id)")[0].int(0)
        }
        guard available + change >= 0 else {
            throw StockError.insufficient([Shortage(sku: location.sku, requested: -change, available: available)])
        }
        try tx.run(
            """
            INSERT INTO stock (sku, warehouse, available, on_hand, received, sold, returned, corrected)
            VALUES (\(sku), \(warehouse), \(max(change, 0)), \(max(change, 0)), 0, 0, 0, \(change))
            ON CONFLICT (sku, warehouse) DO UPDATE SET available = stock.available + \(change),
                on_hand = stock.on_hand + \(change), corrected = stock.corrected + \(change)
            """
        )
        let movement = Movement(
            id: id,
            kind: .corrected,
            changes: [Change(location: location, available: change, onHand: change)]
        )
        for event in try movement.events { try tx.append(event) }
        return onHand
    }

    /// Stores `id`; false when it exists with the same contents.
    private func insertMovement(
        _ id: String,
        _ contents: MovementContents,
        onHand: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        if let existing = try tx.run("SELECT contents, form FROM movements WHERE id = \(id)").first {
            guard try ExactText(existing.text(0)) == ExactText(contents.text(existing.int(1))) else {
                throw StockError.movementMismatch(id)
            }
            return false
        }
        let form = MovementContents.Form.escaped
        try tx.run(
            """
            INSERT INTO movements (id, contents, form, on_hand, at)
            VALUES (\(id), \(contents.text(form)), \(form), \(onHand), \(tx.date.microseconds))
            """
        )
        return true
    }
}
