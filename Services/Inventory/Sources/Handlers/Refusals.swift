import MartletCore

// The one place where a "no" of the domain becomes a "no" on the wire.

extension StockError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .insufficient(let sku, let wanted, let available):
            Fault(
                .failedPrecondition,
                "inventory.insufficient_stock",
                "\(wanted) of \(sku.code) wanted, \(available) available"
            )
        case .unknownSKU(let sku):
            Fault(.notFound, "inventory.unknown_sku", "no stock of \(sku.code) was ever seen", field: "sku")
        case .unknownReservation(let id):
            Fault(.notFound, "inventory.unknown_reservation", "there is no reservation \(id)", field: "reservation_id")
        case .reservationMismatch(let id):
            Fault(.invalidArgument, "inventory.reservation_mismatch", "reservation \(id) holds other quantities")
        case .reservationClosed(let id):
            Fault(.failedPrecondition, "inventory.reservation_closed", "reservation \(id) was released or has expired")
        case .movementMismatch(let id):
            Fault(.invalidArgument, "inventory.movement_mismatch", "\(id) is on file with other contents")
        }
    }
}
