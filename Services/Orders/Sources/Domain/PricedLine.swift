import MartletCore
import SharedContract

/// One line with the price that was agreed or quoted by the catalogue.
struct PricedLine: Codable, Sendable, Equatable {
    /// A SKU, or the code of a service such as postage.
    var code: ExactText
    var name: String
    /// At least 1.
    var quantity: Int
    /// The price of one unit in nanos of the currency's major unit; negative for a discount.
    var priceNanos: Int64
    /// Goods come from stock; services do not.
    var isGoods: Bool

    /// The exact value of `count` units.
    func value(of count: Int) -> Amount { Amount(nanos: Int128(priceNanos)) * count }
}
