import MartletCore
import MartletOutbox
import MartletSQL

/// Inventory's tables: load, decide, keep and tell in one transaction.
struct StockStore: Sendable {
    /// How long a promise holds when the request does not say.
    static let holdDefault = Duration.seconds(900)

    /// Loads what `reservation` may touch, lets `decide` change it, and keeps the new state and its event, all in `tx`.
    ///
    /// - Parameter decide: Answers what moved, `nil` for nothing. It may run again, so it is pure.
    /// - Throws: What `decide` throws; nothing is kept then.
    func change(
        _ reservation: String,
        adding skus: some Collection<SKU> = [],
        hold: Duration = holdDefault,
        in tx: borrowing SQLTransaction,
        _ decide: (inout Shelf) throws -> Movement?
    ) throws {
        let before = try load(reservation, adding: skus, in: tx)
        var shelf = before
        let movement = try decide(&shelf)
        if shelf.standing != before.standing { try save(shelf, hold: hold, in: tx) }
        if let movement { try keep(movement, in: tx) }
    }

    /// When the promise ends; `nil` when there is no such reservation.
    func expiry(of reservation: String, in tx: borrowing SQLTransaction) throws -> Timestamp? {
        try tx.run("SELECT expires_at FROM reservations WHERE id = \(reservation)").first
            .map { Timestamp(microseconds: $0.int64(0)) }
    }

    /// Reservations whose promise ended before now, at most `limit`, the oldest first.
    func due(limit: Int, in tx: borrowing SQLTransaction) throws -> [String] {
        try tx.run(
            """
            SELECT id FROM reservations WHERE status = 'held' AND expires_at <= \(tx.date.microseconds)
            ORDER BY expires_at, id LIMIT \(limit)
            """
        ).map { $0.text(0) }
    }

    private func load(
        _ reservation: String,
        adding skus: some Collection<SKU>,
        in tx: borrowing SQLTransaction
    ) throws -> Shelf {
        let status = try tx.run("SELECT status FROM reservations WHERE id = \(reservation)").first?.text(0)
        var held: [Place: Int] = [:]
        if status != nil {
            let lines = try tx.run(
                "SELECT sku, warehouse, units FROM reservation_lines WHERE reservation_id = \(reservation)"
            )
            for row in lines { held[Place(sku: SKU(row.text(0)), warehouse: row.text(1))] = row.int(2) }
        }
        var available: [Place: Int] = [:]
        if status == nil {
            for sku in Set(skus).sorted() {
                let rows = try tx.run("SELECT warehouse, available FROM stock WHERE sku = \(sku.code)")
                for row in rows { available[Place(sku: sku, warehouse: row.text(0))] = row.int(1) }
            }
        }
        let standing: Shelf.Standing =
            switch status {
            case nil: .unknown
            case "held": .held(held)
            case "confirmed": .confirmed(held)
            case "expired": .closed(.expired)
            default: .closed(.released)
            }
        return Shelf(reservation: reservation, standing: standing, available: available)
    }

    private func save(_ shelf: Shelf, hold: Duration, in tx: borrowing SQLTransaction) throws {
        let status =
            switch shelf.standing {
            case .unknown: preconditionFailure("a reservation never becomes unknown")
            case .held: "held"
            case .confirmed: "confirmed"
            case .closed(let closing): closing.rawValue
            }
        let now = tx.date
        try tx.run(
            """
            INSERT INTO reservations (id, status, expires_at, changed_at)
            VALUES (\(shelf.reservation), \(status), \((now + hold).microseconds), \(now.microseconds))
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at
            """
        )
        guard case .held(let units) = shelf.standing else { return }
        for (place, count) in units.sorted(by: { $0.key < $1.key }) {
            try tx.run(
                """
                INSERT INTO reservation_lines (reservation_id, sku, warehouse, units)
                VALUES (\(shelf.reservation), \(place.sku.code), \(place.warehouse), \(count))
                """
            )
        }
    }

    /// Applies a movement to the stock, in the order of its places so that no two can deadlock, and tells it.
    private func keep(_ movement: Movement, in tx: borrowing SQLTransaction) throws {
        for change in movement.changes {
            let sold = movement.kind == .confirmed || movement.kind == .released ? -change.onHand : 0
            try tx.run(
                """
                UPDATE stock SET available = available + \(change.available), on_hand = on_hand + \(change.onHand),
                    sold = sold + \(sold)
                WHERE sku = \(change.place.sku.code) AND warehouse = \(change.place.warehouse)
                """
            )
        }
        for message in try movement.messages { try tx.append(message) }
    }
}
