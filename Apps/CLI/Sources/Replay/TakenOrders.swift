import OrdersContract

/// What a plan's orders should have brought, of which the shop completed some.
struct TakenOrders: Sendable {
    private(set) var capturedPence: Int64 = 0
    private(set) var refundedPence: Int64 = 0
    /// Units sold and returned, by stock code of goods.
    private(set) var skus: [String: InvoiceFigures.Stock] = [:]

    init(_ plan: InvoicePlan, _ headlines: [OrderHeadline]) {
        let completed = Set(headlines.filter { $0.status == .completed }.map(\.reference))
        for action in plan.actions {
            switch action {
            case .order(let order) where completed.contains(order.invoice):
                capturedPence += order.total
                for line in order.lines where line.isGoods { skus[line.code, default: .init()].sold += line.quantity }
            case .giveBack(let back) where completed.contains(back.order):
                refundedPence += back.refund
                for line in back.lines where line.isGoods {
                    skus[line.code, default: .init()].returned += line.quantity
                }
            case .order, .giveBack, .correction, .credit: break
            }
        }
    }
}
