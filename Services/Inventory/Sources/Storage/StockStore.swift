import MartletCore
import MartletOutbox
import MartletSQL

/// Inventory's tables: loads, decides, saves and publishes in one transaction.
struct StockStore: Sendable {
    /// How long a reservation is held by default.
    static let holdDefault = Duration.seconds(900)

    /// Loads a reservation, lets `decide` change it, and saves the new state and its events, all in `tx`.
    ///
    /// - Parameter decide: Returns the movement, or `nil` for none. It may run again, so it must be pure.
    /// - Returns: When the reservation expires while it is held.
    /// - Throws: What `decide` throws; nothing is saved then.
    @discardableResult
    func change(
        _ id: String,
        adding skus: some Collection<SKU> = [],
        hold: Duration = holdDefault,
        in tx: borrowing SQLTransaction,
        _ decide: (inout Reservation) throws -> Movement?
    ) throws -> Timestamp {
        let (before, storedExpiry) = try load(id, adding: skus, in: tx)
        let expiry = try storedExpiry ?? tx.date + hold
        var reservation = before
        let movement = try decide(&reservation)
        if reservation.status != before.status { try save(reservation, expiry: expiry, in: tx) }
        if let movement { try apply(movement, in: tx) }
        return expiry
    }

    /// Held reservations that are past their expiry, at most `limit`, the oldest first.
    func due(limit: Int, in tx: borrowing SQLTransaction) throws -> [String] {
        try tx.run(
            """
            SELECT id FROM reservations WHERE status = 'held' AND expires_at <= \(tx.date.microseconds)
            ORDER BY expires_at, id LIMIT \(limit)
            """
        ).map { try $0.text(0) }
    }

    // MARK: - Named locks

    /// The named locks of the stock of SKUs: many reservations change the row of a popular one.
    static func lockNames(of skus: some Collection<SKU>) -> [ExactText] { skus.map { "stock/\($0.code)" } }

    /// The named locks of the stock that a reservation holds.
    func lockNames(ofReservation id: String, in tx: borrowing SQLTransaction) throws -> [ExactText] {
        let rows = try tx.run("SELECT DISTINCT sku FROM reservation_lines WHERE reservation_id = \(id) ORDER BY sku")
        return Self.lockNames(of: try rows.map { SKU(try $0.text(0)) })
    }

    /// The named locks of the stock that the reservations of ``due(limit:in:)`` hold.
    func lockNames(ofDue limit: Int, in tx: borrowing SQLTransaction) throws -> [ExactText] {
        try due(limit: limit, in: tx).flatMap { try lockNames(ofReservation: $0, in: tx) }
    }

    /// - Returns: The reservation, and when it expires; `nil` for an unknown one.
    private func load(
        _ id: String,
        adding skus: some Collection<SKU>,
        in tx: borrowing SQLTransaction
    ) throws -> (Reservation, expiry: Timestamp?) {
        // A reservation without lines is one row without a SKU.
        let rows = try tx.run(
            """
            SELECT status, expires_at, sku, warehouse, units
            FROM reservations LEFT JOIN reservation_lines ON reservation_id = id WHERE id = \(id)
            """
        )
        guard let first = rows.first else {
            let available = try available(Set(skus).sorted(), in: tx)
            return (Reservation(id: id, status: .unknown, available: available), nil)
        }
        var held: [StockLocation: Int] = [:]
        held.reserveCapacity(rows.count)
        for row in rows {
            guard let sku = try row.textIfPresent(2) else { continue }
            try held[StockLocation(sku: SKU(sku), warehouse: ExactText(row.text(3)))] = row.int(4)
        }
        let status: Reservation.Status =
            switch try first.decode(0, as: Reservation.StoredStatus.self) {
            case .held: .held(held)
            case .confirmed: .confirmed(held)
            case .released: .closed(.released)
            case .expired: .closed(.expired)
            }
        let expiry = try Timestamp(microseconds: first.int64(1))
        return (Reservation(id: id, status: status, available: [:]), expiry)
    }

    private func available(_ skus: [SKU], in tx: borrowing SQLTransaction) throws -> [StockLocation: Int] {
        var available: [StockLocation: Int] = [:]
        available.reserveCapacity(skus.count)
        try StatementRows.split(skus.map(\.code)) { codes in
            let rows = try tx.run("SELECT sku, warehouse, available FROM stock WHERE sku IN (\(list: Array(codes)))")
            for row in rows {
                try available[StockLocation(sku: SKU(row.text(0)), warehouse: ExactText(row.text(1)))] = row.int(2)
            }
        }
        return available
    }

    private func save(_ reservation: Reservation, expiry: Timestamp, in tx: borrowing SQLTransaction) throws {
        let status: Reservation.StoredStatus =
            switch reservation.status {
            case .unknown: preconditionFailure("a reservation never becomes unknown")
            case .held: .held
            case .confirmed: .confirmed
            case .closed(.released): .released
            case .closed(.expired): .expired
            }
        try tx.run(
            """
            INSERT INTO reservations (id, status, expires_at, changed_at)
            VALUES (\(reservation.id), \(status.rawValue), \(expiry.microseconds), \(tx.date.microseconds))
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at
            """
        )
        guard case .held(let units) = reservation.status else { return }
        let id = reservation.id.sqlValue
        try StatementRows.split(units.sorted { $0.key < $1.key }) { lines in
            let rows = lines.map { [id, $0.key.sku.code.sqlValue, $0.key.warehouse.sqlValue, $0.value.sqlValue] }
            try tx.run(
                "INSERT INTO reservation_lines (reservation_id, sku, warehouse, units) VALUES \(rows: rows)"
            )
        }
    }

    /// Applies a movement to the stock and publishes it.
    ///
    /// The named locks order the transactions on common rows; where a database takes none, one of two that wait for
    /// each other runs again.
    private func apply(_ movement: Movement, in tx: borrowing SQLTransaction) throws {
        // Units that leave the stock on hand are sold; those that are returned no longer are.
        let soldPerUnit = movement.kind == .confirmed || movement.kind == .released ? -1 : 0
        try StatementRows.split(movement.changes) { changes in
            let single = changes.count == 1 ? changes.first : nil
            try tx.run(single.map { Self.update($0, soldPerUnit) } ?? Self.update(changes, soldPerUnit))
        }
        for event in try movement.events { try tx.append(event) }
    }

    private static func update(_ change: Change, _ soldPerUnit: Int) -> SQLQuery {
        """
        UPDATE stock SET available = available + \(change.available), on_hand = on_hand + \(change.onHand),
            sold = sold + \(change.onHand * soldPerUnit)
        WHERE sku = \(change.location.sku.code) AND warehouse = \(change.location.warehouse)
        """
    }

    private static func update(_ changes: ArraySlice<Change>, _ soldPerUnit: Int) -> SQLQuery {
        let rows = changes.map {
            [
                $0.location.sku.code.sqlValue, $0.location.warehouse.sqlValue, $0.available.sqlValue,
                $0.onHand.sqlValue, ($0.onHand * soldPerUnit).sqlValue,
            ]
        }
        return """
            UPDATE stock SET available = available + column3, on_hand = on_hand + column4, sold = sold + column5
            FROM (VALUES \(rows: rows)) AS change WHERE sku = column1 AND warehouse = column2
            """
    }
}
