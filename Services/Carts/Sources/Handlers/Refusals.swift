import MartletCore

// The one place where a "no" of the domain becomes a "no" on the wire.

extension CartError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownCart: Fault(.notFound, "carts.unknown_cart", "there is no such cart", field: "cart_id")
        case .unknownSKU(let sku): Fault(.notFound, "carts.unknown_sku", "the catalogue sells no \(sku)", field: "sku")
        case .mixedCurrencies(let sku, let currency, let cart):
            Fault(
                .failedPrecondition,
                "carts.mixed_currencies",
                "\(sku) is priced in \(currency), what the cart holds in \(cart): order them one after the other",
                field: "sku"
            )
        case .signInNeeded: Fault(.unauthenticated, .unauthenticated, "sign in to have a cart named me")
        case .tooManyLines(let limit):
            Fault(.failedPrecondition, "carts.too_many_lines", "a cart holds at most \(limit) lines")
        }
    }
}
