/// Domain errors of orders.
enum OrderError: Error, Equatable {
    case unknownOrder(String)
    /// Lines of the request, in its order, that the catalogue does not sell.
    case unknownSKUs([RequestedSKU])
    /// The SKUs of a cart that are no longer sold.
    case unsoldInCart([String])
    case unknownCart(String)
    /// Another order takes units of this cart, and was neither rejected nor cancelled.
    case cartOrdered
    /// The order would not be what the customer was shown.
    case notAsExpected([UnmetExpectation])
    case emptyOrder
    /// The cart has no lines: none were put in, or an order has taken them.
    case emptyCart
    case linesAndCart
    case tooManyLines(limit: Int)
    /// `field` is the first that is not in the order's `currency`.
    case mixedCurrencies(field: String, currency: String, other: String)
    case invalidCurrency(field: String)
    /// The units and nanos of a price have two signs; `field` is that of the nanos.
    case twoSigns(field: String)
    case totalOutOfRange
    case referenceTaken(String)
    case notCancellable(Order.Status)
    case notReturnable(Order.Status)
    case returnExceedsOrder(ReturnItem, left: Int)
    case returnMismatch(String)
    case tooManyReturns(limit: Int)
    /// The customer asked to cancel before this step.
    case cancelRequested
    /// The order's status does not allow this step of the checkout.
    case wrongState(Order.Status)
}
