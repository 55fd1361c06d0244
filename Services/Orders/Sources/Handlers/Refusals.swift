import MartletContract
import MartletCore
import SharedContract

extension OrderError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownOrder(let id):
            Fault(.notFound, "orders.unknown_order", "there is no order \(id)", field: "order_id")
        case .unknownSKUs(let requested): Self.unknown(requested)
        case .unsoldInCart(let skus):
            Fault(
                .notFound,
                "orders.unknown_sku",
                "contains products that are no longer sold: "
                    + skus.prefix(RuleCheck.violationsLimit).joined(separator: ", "),
                field: "cart_id"
            )
        case .unknownCart(let id): Fault(.notFound, "orders.unknown_cart", "there is no cart \(id)", field: "cart_id")
        case .cartOrdered:
            Fault(
                .alreadyExists,
                "orders.cart_ordered",
                "holds units that another order takes: wait for it, cancel it, or remove them from the cart",
                field: "cart_id"
            )
        case .notAsExpected(let unmet): Self.notAsExpected(unmet)
        case .emptyOrder: Fault(.invalidArgument, "orders.empty", "an order needs at least one line", field: "lines")
        case .emptyCart:
            Fault(
                .invalidArgument,
                "orders.empty",
                "cart_id has no lines; an order may have taken them",
                field: "cart_id"
            )
        case .linesAndCart:
            Fault(.invalidArgument, .invalidRequest, "must not be given together with lines", field: "cart_id")
        case .tooManyLines(let limit):
            Fault(.invalidArgument, .invalidRequest, "must be at most \(limit)", field: "lines")
        case .mixedCurrencies(let field, let currency, let other):
            Fault(
                .invalidArgument,
                "orders.mixed_currencies",
                "is in \(other), lines before it in \(currency): an order is in one currency",
                field: field
            )
        case .invalidCurrency(let field):
            Fault(.invalidArgument, .invalidRequest, Currency.rule, field: field)
        case .twoSigns(let field): Fault(.invalidArgument, .invalidRequest, UnitPrice.signsRule, field: field)
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
        case .returnExceedsOrder(let item, let left):
            Fault(
                .invalidArgument,
                "orders.return_exceeds_order",
                "\(item.quantity) of \(item.code ?? "the line") to return, \(left) left",
                field: "lines"
            )
        case .returnMismatch(let id):
            Fault(.invalidArgument, "orders.return_mismatch", "return \(id) already exists with other lines")
        case .tooManyReturns(let limit):
            Fault(.failedPrecondition, "orders.too_many_returns", "an order has at most \(limit) returns")
        case .cancelRequested: Fault(.failedPrecondition, "orders.cancelled", "the customer asked to cancel")
        case .wrongState(let status):
            Fault(.failedPrecondition, "orders.wrong_state", "the order is \(status.rawValue)")
        }
    }

    private static func notAsExpected(_ unmet: [UnmetExpectation]) -> Fault {
        let violations = unmet.map { FieldViolation(field: $0.field, rule: "is \($0.expected), would be \($0.actual)") }
        let what = violations.map { "\($0.field) \($0.rule)" }.joined(separator: "; ")
        var fault = Fault(.failedPrecondition, "orders.not_as_expected", "\(what): the order is not what was shown")
        fault.violations = violations
        return fault
    }

    private static func unknown(_ requested: [RequestedSKU]) -> Fault {
        let what = requested.first.map { "the catalogue does not sell \($0.sku)" } ?? "the catalogue does not sell this"
        let more = requested.count > 1 ? "; \(requested.count) lines are unknown" : ""
        var fault = Fault(.notFound, "orders.unknown_sku", what + more)
        fault.violations = requested.prefix(RuleCheck.violationsLimit).map {
            FieldViolation(field: "lines[\($0.line)].sku", rule: "the catalogue does not sell \($0.sku)")
        }
        return fault
    }
}
