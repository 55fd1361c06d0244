import MartletCore
import MartletOutbox
import MartletSQL

extension StockStore {
    /// Adds stock once per `id`.
    ///
    /// - Throws: `StockError.movementMismatch` when `id` is on file with other contents.
    func receive(
        _ id: String,
        _ units: [SKU: Int],
        warehouse: String,
        kind: MovementKind,
        in tx: borrowing SQLTransaction
    ) throws {
        let lines = units.sorted { $0.key < $1.key }
        let contents = "\(kind) \(warehouse) " + lines.map { "\($0.key.code)=\($0.value)" }.joined(separator: ",")
        guard try isNew(id, contents, onHand: 0, in: tx) else { return }
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
            Change(place: Place(sku: $0.key, warehouse: warehouse), available: $0.value, onHand: $0.value)
        }
        for message in try Movement(id: id, kind: kind, changes: changes).messages { try tx.append(message) }
    }

    /// Corrects what a count found, once per `id`, and answers what is on hand then.
    ///
    /// - Throws: `StockError.insufficient` when fewer units are available than are to go;
    ///   `StockError.movementMismatch` when `id` is on file with other contents.
    func correct(
        _ id: String,
        _ place: Place,
        by change: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        let row = try tx.run(
            "SELECT available, on_hand FROM stock WHERE sku = \(place.sku.code) AND warehouse = \(place.warehouse)"
        ).first
        let available = row?.int(0) ?? 0
        let contents = "corrected \(place.warehouse) \(place.sku.code)=\(change)"
        let onHand = (row?.int(1) ?? 0) + change
        guard try isNew(id, contents, onHand: onHand, in: tx) else {
            return try tx.run("SELECT on_hand FROM movements WHERE id = \(id)")[0].int(0)
        }
        guard available + change >= 0 else {
            throw StockError.insufficient([Shortage(sku: place.sku, wanted: -change, available: available)])
        }
        try tx.run(
            """
            INSERT INTO stock (sku, warehouse, available, on_hand, received, sold, returned, corrected)
            VALUES (\(place.sku.code), \(place.warehouse), \(max(change, 0)), \(max(change, 0)), 0, 0, 0, \(change))
            ON CONFLICT (sku, warehouse) DO UPDATE SET available = stock.available + \(change),
                on_hand = stock.on_hand + \(change), corrected = stock.corrected + \(change)
            """
        )
        let movement = Movement(
            id: id,
            kind: .corrected,
            changes: [Change(place: place, available: change, onHand: change)]
        )
        for message in try movement.messages { try tx.append(message) }
        return onHand
    }

    /// Puts `id` on file; false when it is there already with the same contents.
    private func isNew(
        _ id: String,
        _ contents: String,
        onHand: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        if let known = try tx.run("SELECT contents FROM movements WHERE id = \(id)").first {
            guard known.text(0) == contents else { throw StockError.movementMismatch(id) }
            return false
        }
        try tx.run(
            """
            INSERT INTO movements (id, contents, on_hand, at)
            VALUES (\(id), \(contents), \(onHand), \(tx.date.microseconds))
            """
        )
        return true
    }
}
