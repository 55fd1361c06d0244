import InventoryContract
import MartletContract
import MartletCore

extension StockError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .insufficient(let shortages):
            Fault(
                .failedPrecondition,
                "inventory.insufficient_stock",
                shortages.first.map {
                    "\($0.requested) of \($0.sku.code) requested, \($0.available) available" + Self.more(shortages)
                }
                    ?? "too little stock"
            )
        case .unknownSKU(let sku):
            Fault(.notFound, "inventory.unknown_sku", "there is no stock of \(sku.code)", field: "sku")
        case .unknownReservation(let id):
            Fault(.notFound, "inventory.unknown_reservation", "there is no reservation \(id)", field: "reservation_id")
        case .reservationMismatch(let id):
            Fault(.invalidArgument, "inventory.reservation_mismatch", "reservation \(id) holds other quantities")
        case .reservationClosed(let id):
            Fault(.failedPrecondition, "inventory.reservation_closed", "reservation \(id) was released or has expired")
        case .movementMismatch(let id):
            Fault(.invalidArgument, "inventory.movement_mismatch", "\(id) already exists with other contents")
        }
    }

    /// The same fault with violations for the lines of the request: for each short SKU its first line.
    func fault(naming lines: [Line]) -> Fault {
        var fault = fault
        guard case .insufficient(let shortages) = self else { return fault }
        let bySKU = Dictionary(shortages.map { ($0.sku.code, $0) }) { first, _ in first }
        var named: Set<ExactText> = []
        for (index, line) in lines.enumerated() where fault.violations.count < RuleCheck.violationsLimit {
            let sku = ExactText(line.sku)
            guard let shortage = bySKU[sku], named.insert(sku).inserted else { continue }
            fault.violations.append(
                FieldViolation(
                    field: "lines[\(index)].sku",
                    rule: "\(shortage.requested) of \(line.sku) requested, \(shortage.available) available"
                )
            )
        }
        return fault
    }

    private static func more(_ shortages: [Shortage]) -> String {
        shortages.count > 1 ? "; \(shortages.count) SKUs have too little stock" : ""
    }
}
