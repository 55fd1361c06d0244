import InventoryContract
import MartletContract
import MartletCore

// The one place where a "no" of the domain becomes a "no" on the wire.

extension StockError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .insufficient(let short):
            Fault(
                .failedPrecondition,
                "inventory.insufficient_stock",
                short.first.map {
                    "\($0.wanted) of \($0.sku.code) wanted, \($0.available) available" + Self.more(short)
                }
                    ?? "too little stock"
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

    /// The same "no", naming the lines of the request that it is about: of each SKU the first.
    func fault(naming lines: [Line]) -> Fault {
        var fault = fault
        guard case .insufficient(let short) = self else { return fault }
        let shortages = Dictionary(short.map { ($0.sku.code, $0) }) { first, _ in first }
        var named: Set<String> = []
        for (index, line) in lines.enumerated() where fault.violations.count < RuleCheck.violationsLimit {
            guard let shortage = shortages[line.sku], named.insert(line.sku).inserted else { continue }
            fault.violations.append(
                FieldViolation(
                    field: "lines[\(index)].sku",
                    rule: "\(shortage.wanted) of \(line.sku) wanted, \(shortage.available) available"
                )
            )
        }
        return fault
    }

    private static func more(_ short: [Shortage]) -> String {
        short.count > 1 ? "; \(short.count) SKUs are short" : ""
    }
}
