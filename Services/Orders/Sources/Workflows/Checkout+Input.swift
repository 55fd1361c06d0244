import MartletCore

extension Checkout {
    /// Stored as JSON with the run.
    struct Input: Codable, Sendable {
        let orderID: String
        let goods: [Units]
        let totalMinorUnits: Int64
        let currency: String
        /// The provider's token.
        let paymentMethod: String
    }

    struct Units: Codable, Sendable, Equatable {
        let sku: String
        let quantity: Int
    }
}

extension Checkout.Input {
    init(_ order: Order, paymentMethod: String) {
        self.init(
            orderID: order.id,
            goods: order.goods.sorted { $0.key < $1.key }.map { .init(sku: $0.key.text, quantity: $0.value) },
            totalMinorUnits: order.placement.totalMinorUnits,
            currency: order.placement.currency,
            paymentMethod: paymentMethod
        )
    }

    /// One run per order.
    var runID: String { "checkout/\(orderID)" }
}
