/// A stock keeping unit's code, case-sensitive.
struct SKU: Sendable, Hashable, Comparable {
    let code: String

    init(_ code: String) { self.code = code }

    static func < (left: SKU, right: SKU) -> Bool { left.code < right.code }
}

/// One SKU in one warehouse.
struct Place: Sendable, Hashable, Comparable {
    /// Where stock is when nobody says otherwise.
    static let mainWarehouse = "main"

    let sku: SKU
    let warehouse: String

    static func < (left: Place, right: Place) -> Bool { (left.sku, left.warehouse) < (right.sku, right.warehouse) }
}

/// What became available or was taken, and what came onto the shelf or left it, in one place.
struct Change: Sendable, Equatable {
    let place: Place
    let available: Int
    let onHand: Int
}

/// Why stock moved.
enum MovementKind: String, Sendable, Equatable {
    case reserved, confirmed, released, expired, received, returned, corrected
}

/// One movement with all its changes, in the order of their places.
struct Movement: Sendable, Equatable {
    /// The reservation, delivery or correction.
    let id: String
    let kind: MovementKind
    let changes: [Change]
}

/// More units of a SKU are wanted than are promised to nobody.
struct Shortage: Sendable, Equatable {
    let sku: SKU
    let wanted: Int
    let available: Int
}

/// Why the warehouse says no.
enum StockError: Error, Equatable {
    /// All that are short, by SKU.
    case insufficient([Shortage])
    case unknownSKU(SKU)
    case unknownReservation(String)
    case reservationMismatch(String)
    case reservationClosed(String)
    /// A delivery or correction with this id and other contents is on file.
    case movementMismatch(String)
}
