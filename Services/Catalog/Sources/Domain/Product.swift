import MartletCore
import SharedContract

/// What is sold: a stock keeping unit's code with its name.
struct Product: Sendable, Equatable {
    /// Case-sensitive.
    let sku: String
    let name: String
    /// False for what is charged and not stocked.
    let isStocked: Bool
}

/// A product with the price that holds now.
struct PricedProduct: Sendable {
    let product: Product
    /// `nil` when none holds yet.
    let price: UnitPrice?
}

/// A price and since when it holds.
struct DatedPrice: Sendable, Equatable {
    let price: UnitPrice
    let effectiveFrom: Timestamp
}

/// Why the catalogue says no.
enum CatalogError: Error, Equatable {
    case unknownSKU(String)
    /// `field` of the request holds no code of a currency.
    case noCurrency(field: String)
}
