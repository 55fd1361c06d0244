import MartletCore
import SharedContract

/// What was ordered, by whom, at which prices.
struct Placement: Codable, Sendable, Equatable {
    var customerID: ExactText
    /// The merchant's own number.
    @EmptyIfNone var reference: String?
    /// The cart that it came from.
    @EmptyIfNone var cartID: String?
    /// Identifies the cart's lines.
    ///
    /// `nil` without a cart.
    var cartRevision: String?
    /// The version of the cart that was ordered: the order takes its units when it is sure.
    ///
    /// `nil` without a cart, and when the service of carts knew no versions: it emptied the cart at once.
    var cartVersion: Int64?
    var currency: String
    var lines: [PricedLine]
    /// Rounded once, half to even; never negative.
    var totalMinorUnits: Int64
}

extension Placement {
    /// Names the cart among all: a customer's by the customer, a guest's by its token; `nil` without one.
    var cart: String? {
        guard let cartID else { return nil }
        return ExactText(cartID) == OrderedCart.ownName ? "customer:\(customerID)" : "guest:\(cartID)"
    }
}

extension Placement {
    /// Lines of goods and services together; the merchant's largest invoices have fewer.
    static let linesLimit = 2_000
    /// In minor units: a provider's limit per payment, far below an overflow in sums over all orders.
    static let totalLimit: Int64 = 99_999_999_999

    /// Checks the lines, adds them up exactly and rounds once.
    ///
    /// - Throws: `OrderError.emptyOrder`, `.tooManyLines`, `.totalOutOfRange` for a total below 0 or above the limit.
    init(
        customerID: ExactText,
        reference: String?,
        cart: OrderedCart?,
        currency: String,
        lines: [PricedLine]
    ) throws(OrderError) {
        guard !lines.isEmpty else { throw .emptyOrder }
        guard lines.count <= Self.linesLimit else { throw .tooManyLines(limit: Self.linesLimit) }
        let exact = lines.reduce(Amount.zero) { $0 + $1.value(of: $1.quantity) }
        guard exact >= .zero, let total = exact.minorUnits(of: currency), total <= Self.totalLimit else {
            throw .totalOutOfRange
        }
        self.init(
            customerID: customerID,
            reference: reference,
            cartID: cart?.id,
            cartRevision: cart?.revision,
            cartVersion: cart?.version,
            currency: currency,
            lines: lines,
            totalMinorUnits: total
        )
    }
}
