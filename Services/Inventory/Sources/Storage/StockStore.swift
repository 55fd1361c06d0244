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
    /// - Throws: What `decide` throws; nothing is saved then.
    func change(
        _ id: String,
        adding skus: some Collection<SKU> = [],
        hold: Duration = holdDefault,
        in tx: borrowing SQLTransaction,
        _ decide: (inout Reservation) throws -> Movement?
    ) throws {
        let before = try load(id, adding: skus, in: tx)
        var reservation = before
        let movement = try decide(&reservation)
        if reservation.status != before.status { try save(reservation, hold: hold, in: tx) }
        if let movement { try apply(movement, in: tx) }
    }

    /// When the reservation expires; `nil` when it does not exist.
    func expiry(of id: String, in tx: borrowing SQLTransaction) throws -> Timestamp? {
        try tx.run("SELECT expires_at FROM reservations WHERE id = \(id)").first
            .map { try Timestamp(microseconds: $0.int64(0)) }
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

    private func load(
        _ id: String,
        adding skus: some Collection<SKU>,
        in tx: borrowing SQLTransaction
    ) throws -> Reservation {
        let status = try tx.run("SELECT status FROM reservations WHERE id = \(id)").first
            .map { try $0.decode(0, as: Reservation.StoredStatus.self) }
        var held: [StockLocation: Int] = [:]
        if status != nil {
            let lines = try tx.run(
                "SELECT sku, warehouse, units FROM reservation_lines WHERE reservation_id = \(id)"
            )
            for row in lines {
                try held[StockLocation(sku: SKU(row.text(0)), warehouse: ExactText(row.text(1)))] = row.int(2)
            }
        }
        var available: [StockLocation: Int] = [:]
        if status == nil {
            for sku in Set(skus).sorted() {
                let rows = try tx.run("SELECT warehouse, available FROM stock WHERE sku = \(sku.code)")
                for row in rows {
                    try available[StockLocation(sku: sku, warehouse: ExactText(row.text(0)))] = row.int(1)
                }
            }
        }
        let current: Reservation.Status =
            switch status {
            case nil: .unknown
            case .held: .held(held)
            case .confirmed: .confirmed(held)
            case .released: .closed(.released)
            case .expired: .closed(.expired)
            }
        return Reservation(id: id, status: current, available: available)
    }

    private func save(_ reservation: Reservation, hold: Duration, in tx: borrowing SQLTransaction) throws {
        let status: Reservation.StoredStatus =
            switch reservation.status {
            case .unknown: preconditionFailure("a reservation never becomes unknown")
            case .held: .held
            case .confirmed: .confirmed
            case .closed(.released): .released
            case .closed(.expired): .expired
            }
        let now = try tx.date
        try tx.run(
            """
            INSERT INTO reservations (id, status, expires_at, changed_at)
            VALUES (\(reservation.id), \(status.rawValue), \((now + hold).microseconds), \(now.microseconds))
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at
            """
        )
        guard case .held(let units) = reservation.status else { return }
        for (location, count) in units.sorted(by: { $0.key < $1.key }) {
            try tx.run(
                """
                INSERT INTO reservation_lines (reservation_id, sku, warehouse, units)
                VALUES (\(reservation.id), \(location.sku.code), \(location.warehouse), \(count))
                """
            )
        }
    }

    /// Applies a movement to the stock and publishes it; the order of its locations prevents deadlocks.
    private func apply(_ movement: Movement, in tx: borrowing SQLTransaction) throws {
        for change in movement.changes {
            let sold = movement.kind == .confirmed || movement.kind == .released ? -change.onHand : 0
            try tx.run(
                """
                UPDATE stock SET available = available + \(change.available), on_hand = on_hand + \(change.onHand),
                    sold = sold + \(sold)
                WHERE sku = \(change.location.sku.code) AND warehouse = \(change.location.warehouse)
                """
            )
        }
        for event in try movement.events { try tx.append(event) }
    }
}
