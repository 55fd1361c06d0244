/// One reservation and the available stock of its SKUs: all that one decision needs.
///
/// Invariant: no SKU is reserved beyond what is available.
struct Reservation: Sendable, Equatable {
    enum Status: Sendable, Equatable {
        case unknown
        /// Reserved. Goes to `confirmed`, or to `closed` when released or expired.
        case held([StockLocation: Int])
        /// Sold. Goes to `closed` when the sale is undone.
        case confirmed([StockLocation: Int])
        /// Final. Stored, so that a `Reserve` that arrives after its own `Release` reserves nothing.
        case closed(CloseReason)
    }

    enum CloseReason: Sendable, Equatable {
        case released, expired
    }

    let id: String
    private(set) var status: Status
    /// Units that are not reserved, by location.
    private(set) var available: [StockLocation: Int]

    init(id: String, status: Status, available: [StockLocation: Int]) {
        self.id = id
        self.status = status
        self.available = available
    }

    /// Reserves all units or none.
    ///
    /// A repeat changes nothing and returns `nil`.
    ///
    /// Units are taken from the warehouses in the order of their names. When it throws, nothing has changed.
    ///
    /// - Parameter units: Units per SKU, each at least 1.
    mutating func reserve(_ units: [SKU: Int]) throws(StockError) -> Movement? {
        switch status {
        case .held(let held) where Self.bySKU(held) == units, .confirmed(let held) where Self.bySKU(held) == units:
            return nil
        case .held, .confirmed: throw .reservationMismatch(id)
        case .closed: throw .reservationClosed(id)
        case .unknown: break
        }
        var reserved: [StockLocation: Int] = [:]
        var shortages: [Shortage] = []
        let locations = Dictionary(grouping: available.keys.sorted(), by: \.sku)
        for (sku, requested) in units.sorted(by: { $0.key < $1.key }) {
            var missing = requested
            for location in locations[sku] ?? [] where missing > 0 {
                let count = min(missing, available[location, default: 0])
                guard count > 0 else { continue }
                reserved[location] = count
                missing -= count
            }
            guard missing > 0 else { continue }
            shortages.append(Shortage(sku: sku, requested: requested, available: requested - missing))
        }
        guard shortages.isEmpty else { throw .insufficient(shortages) }
        status = .held(reserved)
        return move(reserved, .reserved, available: -1, onHand: 0)
    }

    /// Turns the reservation into a sale.
    ///
    /// A repeat returns `nil`.
    mutating func confirm() throws(StockError) -> Movement? {
        switch status {
        case .held(let units):
            status = .confirmed(units)
            return move(units, .confirmed, available: 0, onHand: -1)
        case .confirmed: return nil
        case .closed: throw .reservationClosed(id)
        case .unknown: throw .unknownReservation(id)
        }
    }

    /// Returns the reserved or sold units to stock and closes the reservation.
    ///
    /// A repeat returns `nil`.
    mutating func release() -> Movement? {
        let before = status
        if case .closed = before { return nil }
        status = .closed(.released)
        switch before {
        case .held(let units): return move(units, .released, available: 1, onHand: 0)
        case .confirmed(let units): return move(units, .released, available: 1, onHand: 1)
        case .unknown, .closed: return nil
        }
    }

    /// Closes a held reservation; a sale stays.
    mutating func expire() -> Movement? {
        guard case .held(let units) = status else { return nil }
        status = .closed(.expired)
        return move(units, .expired, available: 1, onHand: 0)
    }

    private mutating func move(
        _ units: [StockLocation: Int],
        _ kind: MovementKind,
        available sign: Int,
        onHand: Int
    ) -> Movement {
        for (location, count) in units { available[location, default: 0] += sign * count }
        let changes = units.sorted { $0.key < $1.key }
            .map { Change(location: $0.key, available: sign * $0.value, onHand: onHand * $0.value) }
        return Movement(id: id, kind: kind, changes: changes)
    }

    private static func bySKU(_ units: [StockLocation: Int]) -> [SKU: Int] {
        units.reduce(into: [:]) { $0[$1.key.sku, default: 0] += $1.value }
    }
}
