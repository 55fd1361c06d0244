/// More units of a SKU are requested than are available.
struct Shortage: Sendable, Equatable {
    let sku: SKU
    let requested: Int
    let available: Int
}
