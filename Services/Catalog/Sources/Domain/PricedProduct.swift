import SharedContract

/// A product with its current price.
struct PricedProduct: Sendable {
    let product: Product
    /// `nil` when no price is effective yet.
    let price: UnitPrice?
}
