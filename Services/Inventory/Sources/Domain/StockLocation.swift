/// One SKU in one warehouse.
struct StockLocation: Sendable, Hashable, Comparable {
    /// The default warehouse.
    static let mainWarehouse = "main"

    let sku: SKU
    let warehouse: String

    static func < (left: Self, right: Self) -> Bool { (left.sku, left.warehouse) < (right.sku, right.warehouse) }
}
