import MartletCore

extension ReturnWorkflow {
    /// Stored as JSON with the run.
    struct Input: Codable, Sendable {
        let orderID: String
        let returnID: String
        let goods: [Checkout.Units]
        let refundMinorUnits: Int64
        let currency: String
    }
}

extension ReturnWorkflow.Input {
    init(_ orderReturn: OrderReturn, of order: Order) {
        let goods = order.goods(of: orderReturn).sorted { $0.key < $1.key }
        self.init(
            orderID: order.id,
            returnID: orderReturn.id,
            goods: goods.map { .init(sku: $0.key.text, quantity: $0.value) },
            refundMinorUnits: orderReturn.refundMinorUnits,
            currency: order.placement.currency
        )
    }

    /// One run per return.
    var runID: String { "return/\(orderID)/\(returnID)" }
}
