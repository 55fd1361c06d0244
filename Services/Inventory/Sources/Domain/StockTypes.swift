/// A stock keeping unit's code, case-sensitive.
struct SKU: Sendable, Hashable, Comparable {
    let code: String

    init(_ code: String) { self.code = code }

    static func < (left: SKU, right: SKU) -> Bool { left.code < right.code }
}

/// One SKU in one warehouse.
struct StockLocation: Sendable, Hashable, Comparable {
    /// The default warehouse.
    static let mainWarehouse = "main"

    let sku: SKU
    let warehouse: String

    static func < (left: Self, right: Self) -> Bool { (left.sku, left.warehouse) < (right.sku, right.warehouse) }
}

/// How the available and the on-hand units of one location change.
struct Change: Sendable, Equatable {
    let location: StockLocation
    let available: Int
    let onHand: Int
}

/// The cause of a movement.
enum MovementKind: String, Sendable, Equatable {
    case reserved, confirmed, released, expired, received, returned, corrected
}

/// A movement of stock with all its changes, ordered by location.
struct Movement: Sendable, Equatable {
    /// The id of the reservation, delivery or correction.
    let id: String
    let kind: MovementKind
    let changes: [Change]
}

/// More units of a SKU are requested than are available.
struct Shortage: Sendable, Equatable {
    let sku: SKU
    let requested: Int
    let available: Int
}

/// Domain errors of the inventory.
enum StockError: Error, Equatable {
    /// All shortages, by SKU.
    case insufficient([Shortage])
    case unknownSKU(SKU)
    case unknownReservation(String)
    case reservationMismatch(String)
    case reservationClosed(String)
    /// A delivery or correction with this id and other contents exists.
    case movementMismatch(String)
}
