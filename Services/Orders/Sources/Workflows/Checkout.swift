import InventoryContract
import MartletCore
import MartletSQL
import MartletWorkflows
import PaymentsContract
import SharedContract
import SwiftProtobuf

/// The checkout of a placed order: reserve, authorise, confirm, fulfil, capture.
///
/// The order's event stream is authoritative and may refuse any step; then the completed steps are compensated.
///
/// Inventory deduplicates the reservation, and payments the payment, by the order's id without a time limit: a step can
/// be retried after an outage of any length, without an operator.
struct Checkout: Workflow {
    static let name = "checkout"
    static let version = 1
    /// Longer than any checkout without an outage; a checkout whose reservation has expired is compensated.
    static let holdSeconds: UInt32 = 24 * 3600

    let orders: OrderStore
    let inventory: any InventoryCalls
    let payments: any PaymentsCalls

    func run(_ input: Input, _ context: WorkflowContext) async throws -> String {
        let captured: Int64
        do {
            try await reserve(input, context)
            try await authorise(input, context)
            try await confirm(input, context)
            // Fulfilment is immediate, as there is no shipping yet.
            try await context.local("request_capture") { [orders] (tx: borrowing SQLTransaction) in
                _ = try orders.change(input.orderID, in: tx) { try $0.requestCapture() }
            }
            captured = try await requireAccepted { try await capture(input, context) }
        } catch let refusal as StepRefused {
            try await context.compensate()
            context.atCompletion { [orders] tx in
                _ = try orders.change(input.orderID, in: tx) { try $0.abort(reason: refusal.reason.name) }
            }
            return refusal.reason.name
        }
        context.atCompletion { [orders] tx in
            try orders.complete(input.orderID, capturedMinorUnits: captured, in: tx)
        }
        return "completed"
    }

    private func reserve(_ input: Input, _ context: WorkflowContext) async throws {
        guard !input.goods.isEmpty else { return }
        try await context.remote(
            "reserve",
            input: input.goods,
            deduplicated: .byIdentity,
            undo: { [inventory] call in
                let request = ReleaseRequest.with { $0.reservationID = input.orderID }
                _ = try await inventory.release(request, context: call.context)
            }
        ) { [inventory] call in
            let request = ReserveRequest.with {
                $0.reservationID = input.orderID
                $0.holdSeconds = Self.holdSeconds
                $0.lines = input.goods.flatMap(Self.lines)
            }
            _ = try await inventory.reserve(request, context: call.context)
        }
    }

    private func authorise(_ input: Input, _ context: WorkflowContext) async throws {
        guard input.totalMinorUnits > 0 else { return }
        try await context.remote(
            "authorise",
            input: input.totalMinorUnits,
            deduplicated: .byIdentity,
            undo: { [payments] call in
                let request = VoidPaymentRequest.with { $0.paymentID = input.orderID }
                _ = try await payments.voidPayment(request, context: call.context)
            }
        ) { [payments] call in
            let request = AuthoriseRequest.with {
                $0.paymentID = input.orderID
                $0.orderID = input.orderID
                $0.amount = Money(input.totalMinorUnits, currency: input.currency)
                $0.paymentMethod = input.paymentMethod
            }
            _ = try await payments.authorise(request, context: call.context)
        }
    }

    /// Confirms the order and turns its reservation into a sale.
    private func confirm(_ input: Input, _ context: WorkflowContext) async throws {
        let confirm: LocalEffect = { [orders] (tx: borrowing SQLTransaction) in
            _ = try orders.change(input.orderID, in: tx) { try $0.confirm() }
        }
        guard !input.goods.isEmpty else { return try await context.local("confirm", confirm) }
        try await context.remote("confirm", input: input.orderID, deduplicated: .byIdentity, with: confirm) {
            [inventory] call in
            let request = ConfirmRequest.with { $0.reservationID = input.orderID }
            _ = try await inventory.confirm(request, context: call.context)
        }
    }

    private func capture(_ input: Input, _ context: WorkflowContext) async throws -> Int64 {
        guard input.totalMinorUnits > 0 else { return 0 }
        return try await context.remote("capture", input: input.orderID, deduplicated: .byIdentity) { [payments] call in
            let request = CaptureRequest.with { $0.paymentID = input.orderID }
            return try await payments.capture(request, context: call.context).captured.minorUnits
        }
    }

    /// The contract's limit of units per line.
    private static let unitsPerLine = 100_000

    private static func lines(_ units: Units) -> [Line] {
        stride(from: 0, to: units.quantity, by: unitsPerLine).map { start in
            .with {
                $0.sku = units.sku
                $0.quantity = UInt32(min(unitsPerLine, units.quantity - start))
            }
        }
    }
}
