import MartletCore

// The one place where a "no" of the domain becomes a "no" on the wire.

extension OrderError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownOrder(let id):
            Fault(.notFound, "orders.unknown_order", "there is no order \(id)", field: "order_id")
        case .unknownSKU(let sku):
            Fault(.notFound, "orders.unknown_sku", "the catalogue sells no \(sku)", field: "lines.sku")
        case .unknownCart(let id): Fault(.notFound, "orders.unknown_cart", "there is no cart \(id)", field: "cart_id")
        case .emptyOrder: Fault(.invalidArgument, "orders.empty", "an order needs at least one line", field: "lines")
        case .linesAndCart:
            Fault(.invalidArgument, .invalidRequest, "is given together with lines: give one of them", field: "cart_id")
        case .tooManyLines(let limit):
            Fault(.invalidArgument, .invalidRequest, "must be at most \(limit)", field: "lines")
        case .mixedCurrencies:
            Fault(.invalidArgument, "orders.mixed_currencies", "must all be of one currency", field: "lines.unit_price")
        case .totalOutOfRange:
            Fault(
                .invalidArgument,
                "orders.total_out_of_range",
                "must add up to 0 to \(Placement.totalLimit) minor units",
                field: "lines"
            )
        case .referenceTaken(let reference):
            Fault(
                .alreadyExists,
                "orders.reference_taken",
                "\(reference) is another order's number",
                field: "reference"
            )
        case .notCancellable(let status):
            Fault(.failedPrecondition, "orders.not_cancellable", "the order is \(status.rawValue)")
        case .notReturnable(let status):
            Fault(.failedPrecondition, "orders.not_returnable", "the order is \(status.rawValue)")
        case .returnExceedsOrder(let wish, let left):
            Fault(
                .invalidArgument,
                "orders.return_exceeds_order",
                "\(wish.quantity) of \(wish.code.isEmpty ? "the line" : wish.code) to return, \(left) left",
                field: "lines"
            )
        case .returnMismatch(let id):
            Fault(.invalidArgument, "orders.return_mismatch", "return \(id) is on file with other lines")
        case .cancelWanted: Fault(.failedPrecondition, "orders.cancelled", "the customer asked to cancel")
        case .wrongState(let status):
            Fault(.failedPrecondition, "orders.wrong_state", "the order is \(status.rawValue)")
        }
    }
}
