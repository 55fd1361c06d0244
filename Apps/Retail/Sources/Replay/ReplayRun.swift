import Console
import Foundation
import InventoryContract
import MartletCore
import OrdersContract
import SharedContract
import SwiftProtobuf
import Synchronization

/// Sends a plan's actions through the gateway concurrently, each after the actions it depends on.
struct ReplayRun: Sendable {
    /// The test provider always accepts it.
    static let paymentMethod = "pm_test_ok"
    /// The interval at which an order is polled while a return waits for it.
    static let pollInterval = Duration.milliseconds(40)
    static let guest = "guest"
    /// The shop's limit for the id of a return, which is the number of its cancellation.
    static let returnIDBytesMax = 64

    let plan: InvoicePlan
    let shop: ShopClient
    let concurrency: Int
    let tally: ReplayTally
    let time: any TimeSource

    /// - Throws: ``CommandFailure`` that names the refused invoice, or when the shop does not respond.
    func run() async throws {
        let actions = plan.actions
        let gates = ReplayGates(count: actions.count)
        let awaited = Set(actions.flatMap(\.after))
        let queue = ActionQueue(count: actions.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<max(1, concurrency) {
                group.addTask {
                    while let index = queue.next() {
                        let action = actions[index]
                        let outcome = try await withInvoiceInErrors(action) {
                            try await perform(action, gates, isAwaited: awaited.contains(index))
                        }
                        tally.ended(action, outcome)
                        gates.open(index, outcome)
                    }
                }
            }
            // The first failure cancels the others: an action that depends on the failed one would wait forever.
            for try await _ in group {}
        }
    }

    /// Adds the invoice number to a refusal.
    private func withInvoiceInErrors(
        _ action: PlannedAction,
        _ body: () async throws -> ReplayOutcome
    ) async throws -> ReplayOutcome {
        do {
            return try await body()
        } catch let problem as ShopProblem where problem.reason == Reason.idempotencyKeyReused.name {
            throw CommandFailure(
                "invoice \(action.invoice) is in this shop with other contents: "
                    + "replay the original file, or start a shop on a fresh --data folder"
            )
        } catch let problem as ShopProblem {
            throw CommandFailure("invoice \(action.invoice) was refused: \(problem)")
        }
    }

    private func perform(
        _ action: PlannedAction,
        _ gates: ReplayGates,
        isAwaited: Bool
    ) async throws -> ReplayOutcome {
        switch action {
        case .order(let order): return try await place(order, key: action.idempotencyKey, untilEnd: isAwaited)
        case .correction(let correction): return try await correct(correction, key: action.idempotencyKey)
        case .credit: return .counted
        case .orderReturn(let planned):
            var orderID: String?
            for index in planned.after {
                let outcome = try await gates.wait(for: index)
                if case .order(let id, let completed) = outcome { orderID = completed ? id : nil }
                if case .skipped = outcome { orderID = nil }
                if case .returned(let id) = outcome { orderID = id }
            }
            guard let orderID else { return .skipped("the order was not completed") }
            return try await sendReturn(planned, orderID, key: action.idempotencyKey)
        }
    }

    private func place(_ order: PlannedOrder, key: String, untilEnd: Bool) async throws -> ReplayOutcome {
        let request = PlaceAgreedOrderRequest.with {
            $0.reference = order.invoice
            $0.customerID = order.customer ?? Self.guest
            $0.paymentMethod = Self.paymentMethod
            $0.lines = order.lines.map { line in
                .with {
                    $0.sku = line.code
                    $0.name = line.description
                    $0.quantity = UInt32(line.quantity)
                    $0.unitPrice = line.price.unitPrice
                    $0.service = !line.isGoods
                }
            }
        }
        let started = time.now
        let response: PlaceAgreedOrderResponse = try await shop.send(
            "POST",
            "/v1/orders:agreed",
            key: key,
            body: request
        )
        tally.accepted(after: time.now - started)
        var order = response.order
        while untilEnd, !order.status.isTerminal {
            try await time.sleep(for: Self.pollInterval)
            let polled: GetOrderResponse = try await shop.send("GET", "/v1/orders/\(escaped(order.orderID))")
            order = polled.order
        }
        return .order(id: order.orderID, completed: order.status == .completed)
    }

    private func correct(_ correction: PlannedCorrection, key: String) async throws -> ReplayOutcome {
        let id = "\(correction.invoice)-\(correction.row)"
        let request = CorrectRequest.with {
            $0.sku = correction.sku
            $0.change = Int32(correction.delta)
            $0.note = correction.reason
        }
        do {
            let _: CorrectResponse = try await shop.send(
                "PUT",
                "/v1/corrections/\(escaped(id))",
                key: key,
                body: request
            )
            return .corrected
        } catch let problem as ShopProblem where problem.reason == "inventory.insufficient_stock" {
            return .skipped("a correction found too little stock")
        }
    }

    private func sendReturn(_ planned: PlannedReturn, _ orderID: String, key: String) async throws -> ReplayOutcome {
        let request = ReturnOrderRequest.with {
            $0.lines = planned.lines.map { line in
                .with {
                    $0.line = UInt32(line.line + 1)
                    $0.sku = line.code
                    $0.quantity = UInt32(line.quantity)
                }
            }
        }
        let returnID = KeyText.of(planned.invoice, bytesMax: Self.returnIDBytesMax)
        let path = "/v1/orders/\(escaped(orderID))/returns/\(escaped(returnID))"
        let response: ReturnOrderResponse = try await shop.send("PUT", path, key: key, body: request)
        tally.refunded(response.refund.minorUnits, planned: planned.refund)
        return .returned(orderID: orderID)
    }
}

/// The outcome of one action.
enum ReplayOutcome: Sendable, Equatable {
    case order(id: String, completed: Bool)
    case returned(orderID: String)
    case corrected
    /// Nothing to send.
    case counted
    case skipped(String)
}

extension OrderStatus {
    var isTerminal: Bool { self == .completed || self == .rejected || self == .cancelled }
}

/// Hands the actions' indices to the workers, in order.
private final class ActionQueue: Sendable {
    private let count: Int
    private let started = Mutex(0)

    init(count: Int) { self.count = count }

    /// The next action's index; `nil` when all have started.
    func next() -> Int? {
        started.withLock { started in
            guard started < count else { return nil }
            defer { started += 1 }
            return started
        }
    }
}
