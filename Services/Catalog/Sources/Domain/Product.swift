import MartletCore
import SharedContract

/// A product that is sold.
struct Product: Sendable, Equatable {
    /// Case-sensitive.
    let sku: String
    let name: String
    /// False for services such as postage.
    let isStocked: Bool
}

/// A product with its current price.
struct PricedProduct: Sendable {
    let product: Product
    /// `nil` when no price is effective yet.
    let price: UnitPrice?
}

/// A price and when it takes effect.
struct DatedPrice: Sendable, Equatable {
    let price: UnitPrice
    let effectiveFrom: Timestamp
}

/// Domain errors of the catalogue.
enum CatalogError: Error, Equatable {
    case unknownSKU(String)
    /// `field` of the request is not a currency code.
    case invalidCurrency(field: String)
}
