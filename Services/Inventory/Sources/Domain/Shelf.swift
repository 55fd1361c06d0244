/// One reservation and the stock that it may touch: all that one decision needs to see.
///
/// Invariant: no SKU is ever promised beyond what is available.
struct Shelf: Sendable, Equatable {
    enum Standing: Sendable, Equatable {
        case unknown
        /// Promised. Goes to `confirmed`, or to `closed` when released or expired.
        case held([Place: Int])
        /// Sold. Goes to `closed` when the goods never left.
        case confirmed([Place: Int])
        /// Final. Kept on file, so that a `Reserve` overtaken by its own `Release` holds nothing.
        case closed(Closing)
    }

    enum Closing: String, Sendable, Equatable {
        case released, expired
    }

    let reservation: String
    private(set) var standing: Standing
    /// Units that are promised to nobody, by place.
    private(set) var available: [Place: Int]

    init(reservation: String, standing: Standing, available: [Place: Int]) {
        self.reservation = reservation
        self.standing = standing
        self.available = available
    }

    /// Promises every line or none.
    ///
    /// A repeat changes nothing and answers `nil`.
    ///
    /// Units are taken from the warehouses in the order of their names. When it throws, nothing has changed.
    ///
    /// - Parameter units: Units per SKU, each at least 1.
    mutating func reserve(_ units: [SKU: Int]) throws(StockError) -> Movement? {
        switch standing {
        case .held(let held) where Self.bySKU(held) == units, .confirmed(let held) where Self.bySKU(held) == units:
            return nil
        case .held, .confirmed: throw .reservationMismatch(reservation)
        case .closed: throw .reservationClosed(reservation)
        case .unknown: break
        }
        var taken: [Place: Int] = [:]
        var short: [Shortage] = []
        for (sku, wanted) in units.sorted(by: { $0.key < $1.key }) {
            let places = available.keys.filter { $0.sku == sku }.sorted()
            var missing = wanted
            for place in places where missing > 0 {
                let piece = min(missing, available[place, default: 0])
                guard piece > 0 else { continue }
                taken[place] = piece
                missing -= piece
            }
            if missing > 0 { short.append(Shortage(sku: sku, wanted: wanted, available: wanted - missing)) }
        }
        guard short.isEmpty else { throw .insufficient(short) }
        standing = .held(taken)
        return move(taken, .reserved, available: -1, onHand: 0)
    }

    /// Turns the promise into a sale.
    ///
    /// A repeat answers `nil`.
    mutating func confirm() throws(StockError) -> Movement? {
        switch standing {
        case .held(let units):
            standing = .confirmed(units)
            return move(units, .confirmed, available: 0, onHand: -1)
        case .confirmed: return nil
        case .closed: throw .reservationClosed(reservation)
        case .unknown: throw .unknownReservation(reservation)
        }
    }

    /// Gives back whatever the reservation holds or has sold, and closes it for good.
    ///
    /// A repeat answers `nil`.
    mutating func release() -> Movement? {
        let before = standing
        if case .closed = before { return nil }
        standing = .closed(.released)
        switch before {
        case .held(let units): return move(units, .released, available: 1, onHand: 0)
        case .confirmed(let units): return move(units, .released, available: 1, onHand: 1)
        case .unknown, .closed: return nil
        }
    }

    /// Closes a promise whose time is over; a sale stands.
    mutating func expire() -> Movement? {
        guard case .held(let units) = standing else { return nil }
        standing = .closed(.expired)
        return move(units, .expired, available: 1, onHand: 0)
    }

    private mutating func move(
        _ units: [Place: Int],
        _ kind: MovementKind,
        available sign: Int,
        onHand: Int
    ) -> Movement {
        for (place, count) in units { available[place, default: 0] += sign * count }
        let changes = units.sorted { $0.key < $1.key }
            .map { Change(place: $0.key, available: sign * $0.value, onHand: onHand * $0.value) }
        return Movement(id: reservation, kind: kind, changes: changes)
    }

    private static func bySKU(_ units: [Place: Int]) -> [SKU: Int] {
        units.reduce(into: [:]) { $0[$1.key.sku, default: 0] += $1.value }
    }
}
