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
