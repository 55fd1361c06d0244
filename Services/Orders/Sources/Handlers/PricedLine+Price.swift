import MartletCore
import SharedContract

extension PricedLine {
    /// - Throws: `OrderError.totalOutOfRange` for a price beyond ±9 billion.
    init(code: ExactText, name: String, quantity: Int, price: UnitPrice, isGoods: Bool) throws(OrderError) {
        guard let nanos = Int64(exactly: price.amount.nanos) else { throw .totalOutOfRange }
        self.init(code: code, name: name, quantity: quantity, priceNanos: nanos, isGoods: isGoods)
    }
}
