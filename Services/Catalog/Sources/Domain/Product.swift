/// A product that is sold.
struct Product: Sendable, Equatable {
    /// Case-sensitive.
    let sku: String
    let name: String
    /// False for services such as postage.
    let isStocked: Bool
}
