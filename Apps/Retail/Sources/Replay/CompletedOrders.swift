import MartletCore
import OrdersContract

/// The expected figures of those of a plan's orders that the shop completed.
struct CompletedOrders: Sendable {
    private(set) var capturedPence: Int64 = 0
    private(set) var refundedPence: Int64 = 0
    /// Units sold and returned, by stock code of goods.
    private(set) var skus: [String: InvoiceFigures.Stock] = [:]

    init(_ plan: InvoicePlan, _ headlines: [OrderHeadline]) {
        let completed = Set(headlines.filter { $0.status == .completed }.map { ExactText($0.reference) })
        for action in plan.actions {
            switch action {
            case .order(let order) where completed.contains(ExactText(order.invoice)):
                capturedPence += order.total
                for line in order.lines where line.isGoods { skus[line.code, default: .init()].sold += line.quantity }
            case .orderReturn(let planned) where completed.contains(ExactText(planned.order)):
                refundedPence += planned.refund
                for line in planned.lines where line.isGoods {
                    skus[line.code, default: .init()].returned += line.quantity
                }
            case .order, .orderReturn, .correction, .credit: break
            }
        }
    }
}
