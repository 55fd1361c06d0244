import Foundation
import MartletCore
import MartletEventSourcing
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// The orders' event streams: loads, decides, appends, publishes and starts workflows in one transaction.
struct OrderStore: Sendable {
    let workflows: WorkflowEngine
    private let events = EventStore(projections: [OrderSummary.projection], upcasters: [])

    init(workflows: WorkflowEngine) { self.workflows = workflows }

    /// Refuses new orders while too many checkouts are waiting.
    ///
    /// - Throws: `WorkflowsFull`.
    func admit() throws { try workflows.admit() }

    /// - Throws: `OrderError.unknownOrder`.
    func order(_ id: String, in tx: borrowing SQLTransaction) throws -> (Order, placed: Timestamp) {
        let loaded = try events.state(Order.self, of: id, in: tx)
        guard loaded.version > 0 else { throw OrderError.unknownOrder(id) }
        let placed = try tx.run("SELECT placed_at FROM order_headlines WHERE order_id = \(id)")
        return (loaded.state, Timestamp(microseconds: placed.first?.int64(0) ?? 0))
    }

    /// The order's events with their times, oldest first.
    func history(_ id: String, in tx: borrowing SQLTransaction) throws -> [(event: OrderEvent, at: Timestamp)] {
        try events.load(id, in: tx).map { (try OrderEvent($0), $0.at) }
    }

    /// Stores a new order and starts its checkout.
    func place(
        _ id: String,
        _ placement: Placement,
        paymentMethod: String,
        _ context: CallContext,
        in tx: borrowing SQLTransaction
    ) throws -> Order {
        let order = try change(id, trace: context.trace, in: tx) { _ in [.placed(placement)] }
        let input = Checkout.Input(order, paymentMethod: paymentMethod)
        try workflows.start(
            Checkout.self,
            id: input.runID,
            input: input,
            principal: placement.customerID,
            trace: context.trace,
            in: tx
        )
        return order
    }

    /// Appends and publishes the events that `decide` returns; starts the workflows of requested returns.
    ///
    /// - Returns: The order afterwards.
    /// - Throws: What `decide` throws; `OrderError.unknownOrder`.
    @discardableResult
    func change(
        _ id: String,
        trace: TraceContext? = nil,
        in tx: borrowing SQLTransaction,
        _ decide: (Order) throws -> [OrderEvent]
    ) throws -> Order {
        var decided: [OrderEvent] = []
        let order = try events.update(Order.self, id, in: tx) { before in
            decided = try decide(before)
            return decided
        }.state
        for event in decided {
            if let outgoing = try order.publishedEvent(for: event) { try tx.append(outgoing) }
            guard case .returnRequested(let orderReturn) = event else { continue }
            let input = ReturnWorkflow.Input(orderReturn, of: order)
            try workflows.start(
                ReturnWorkflow.self,
                id: input.runID,
                input: input,
                principal: order.placement.customerID,
                trace: trace,
                in: tx
            )
        }
        return order
    }

    /// Completes the checkout; a cancel after the capture request becomes a full refund.
    func complete(_ id: String, capturedMinorUnits: Int64, in tx: borrowing SQLTransaction) throws {
        try change(id, in: tx) { order in
            let events = try order.complete(capturedMinorUnits: capturedMinorUnits)
            guard order.cancelReason != nil else { return events }
            var after = order
            for event in events { after.apply(event) }
            return events + after.returnEverything()
        }
    }
}

extension OrderEvent: StreamEvent {
    static var schema: Int { 1 }
    var type: String { name }

    /// - Throws: `DecodingError` for a body that no version of this program wrote.
    init(_ stored: StoredEvent) throws {
        self = try JSONDecoder().decode(OrderEvent.self, from: Data(stored.body.utf8))
    }
}

extension Order: EventSourced {
    typealias Event = OrderEvent
}
