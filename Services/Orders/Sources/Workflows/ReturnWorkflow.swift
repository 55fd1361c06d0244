import InventoryContract
import MartletCore
import MartletSQL
import MartletWorkflows
import PaymentsContract
import SharedContract
import SwiftProtobuf

/// A requested return: refunds the money and restocks the goods.
///
/// Payments deduplicates the refund, and inventory the delivery, by the return's id without a time limit.
struct ReturnWorkflow: Workflow {
    static let name = "return"
    static let version = 1

    let orders: OrderStore
    let inventory: any InventoryCalls
    let payments: any PaymentsCalls

    func run(_ input: Input, _ context: WorkflowContext) async throws -> String {
        try await requireAccepted {
            try await refund(input, context)
            try await restock(input, context)
        }
        context.atCompletion { [orders] (tx: borrowing SQLTransaction) in
            _ = try orders.change(input.orderID, in: tx) { $0.finishReturn(input.returnID) }
        }
        return "returned"
    }

    private func refund(_ input: Input, _ context: WorkflowContext) async throws {
        guard input.refundMinorUnits > 0 else { return }
        try await context.remote("refund", input: input.refundMinorUnits, deduplicated: .byIdentity) {
            [payments] call in
            let request = RefundRequest.with {
                $0.paymentID = input.orderID
                $0.refundID = input.returnID
                $0.amount = Money(input.refundMinorUnits, currency: input.currency)
            }
            _ = try await payments.refund(request, context: call.context)
        }
    }

    private func restock(_ input: Input, _ context: WorkflowContext) async throws {
        guard !input.goods.isEmpty else { return }
        try await context.remote("restock", input: input.goods, deduplicated: .byIdentity) { [inventory] call in
            let request = ReceiveRequest.with {
                $0.deliveryID = "\(input.orderID)/\(input.returnID)"
                $0.kind = .return
                $0.lines = input.goods.map { units in
                    .with {
                        $0.sku = units.sku
                        $0.quantity = UInt32(units.quantity)
                    }
                }
            }
            _ = try await inventory.receive(request, context: call.context)
        }
    }
}
