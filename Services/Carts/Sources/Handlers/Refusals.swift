import MartletCore

extension CartError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownCart: Fault(.notFound, "carts.unknown_cart", "there is no such cart", field: "cart_id")
        case .unknownSKU(let sku):
            Fault(.notFound, "carts.unknown_sku", "the catalogue does not sell \(sku)", field: "sku")
        case .mixedCurrencies(let sku, let currency, let cart):
            Fault(
                .failedPrecondition,
                "carts.mixed_currencies",
                "\(sku) is priced in \(currency), the cart in \(cart): place separate orders",
                field: "sku"
            )
        case .signInNeeded: Fault(.unauthenticated, .unauthenticated, "sign in to use the cart named me")
        case .tooManyLines(let limit):
            Fault(.failedPrecondition, "carts.too_many_lines", "a cart holds at most \(limit) lines")
        }
    }
}
