import MartletCore

/// One SKU in one warehouse.
struct StockLocation: Sendable, Hashable, Comparable {
    /// The default warehouse.
    static let mainWarehouse: ExactText = "main"

    let sku: SKU
    let warehouse: ExactText

    static func < (left: Self, right: Self) -> Bool { (left.sku, left.warehouse) < (right.sku, right.warehouse) }
}
