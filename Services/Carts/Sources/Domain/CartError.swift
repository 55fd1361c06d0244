/// Domain errors of carts.
enum CartError: Error, Equatable {
    case unknownCart
    case unknownSKU(String)
    /// The product's price is in another currency than those in the cart.
    case mixedCurrencies(sku: String, currency: String, cart: String)
    case signInNeeded
    case tooManyLines(limit: Int)
}
