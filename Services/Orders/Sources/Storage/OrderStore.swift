import MartletCore
import MartletEventSourcing
import MartletOutbox
import MartletSQL
import MartletWorkflows

/// The orders' event streams: loads, decides, appends, publishes and starts workflows in one transaction.
struct OrderStore: Sendable {
    let workflows: WorkflowEngine
    private let events = EventStore(projections: [OrderSummary.projection], upcasters: OrderEvent.upcasters)

    init(workflows: WorkflowEngine) { self.workflows = workflows }

    /// Runs `body`, which places an order, when there is room for its checkout.
    ///
    /// - Throws: `WorkflowsFull`; otherwise what `body` throws.
    func admit<R: Sendable>(_ context: CallContext, _ body: () async throws -> R) async throws -> R {
        try await workflows.admit(context, body)
    }

    /// - Throws: `OrderError.unknownOrder`; `MissingSummary`.
    func order(_ id: String, in tx: borrowing SQLTransaction) throws -> (Order, placed: Timestamp) {
        let stream = try events.state(OrderStream.self, of: id, in: tx).state
        guard case .placed(let order) = stream else { throw OrderError.unknownOrder(id) }
        let placed = try tx.run("SELECT placed_at FROM order_headlines WHERE order_id = \(id)").first
        guard let placed else { throw MissingSummary(orderID: id) }
        return try (order, Timestamp(microseconds: placed.int64(0)))
    }

    /// What the customer wrote who cancelled the order.
    ///
    /// `nil` for nothing, for an order that is not cancelled, and when the text is gone.
    func cancelText(of order: Order, in tx: borrowing SQLTransaction) throws -> String? {
        order.status == .cancelled ? try CustomerTexts.text(order.cancelTextID, in: tx) : nil
    }

    /// The order's events with their times, oldest first.
    func history(_ id: String, in tx: borrowing SQLTransaction) throws -> [(event: OrderEvent, at: Timestamp)] {
        try events.load(id, in: tx).map { (try OrderEvent($0), $0.at) }
    }

    /// Stores a new order and starts its checkout.
    func place(
        _ placement: Placement,
        as id: String,
        paymentMethod: String,
        _ context: CallContext,
        in tx: borrowing SQLTransaction
    ) throws -> Order {
        let order = try append(to: id, trace: context.trace, in: tx) { _ in [.placed(placement)] }
        let input = Checkout.Input(order, paymentMethod: paymentMethod)
        try workflows.start(
            Checkout.self,
            id: input.runID,
            input: input,
            for: .user(placement.customerID),
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
        try append(to: id, trace: trace, in: tx) { stream in
            guard case .placed(let order) = stream else { throw OrderError.unknownOrder(id) }
            return try decide(order)
        }
    }

    /// Requests the cancellation, and stores what the customer wrote with it.
    ///
    /// A repeat changes nothing, and stores no other text.
    ///
    /// - Parameter text: `nil` when the customer wrote nothing.
    /// - Returns: The order afterwards.
    /// - Throws: `OrderError.unknownOrder`, `.notCancellable`.
    func cancel(
        _ id: String,
        text: CustomerText?,
        trace: TraceContext?,
        in tx: borrowing SQLTransaction
    ) throws -> Order {
        let order = try change(id, trace: trace, in: tx) { try $0.requestCancel(textID: text?.id) }
        if let text, let stored = order.cancelTextID, stored == text.id {
            try CustomerTexts.store(text, of: order.placement.customerID, in: tx)
        }
        return order
    }

    private func append(
        to id: String,
        trace: TraceContext?,
        in tx: borrowing SQLTransaction,
        _ decide: (OrderStream) throws -> [OrderEvent]
    ) throws -> Order {
        var decided: [OrderEvent] = []
        let stream = try events.update(OrderStream.self, id, in: tx) { before in
            decided = try decide(before)
            return decided
        }.state
        guard case .placed(let order) = stream else { throw OrderError.unknownOrder(id) }
        for event in decided {
            if let outgoing = try order.publishedEvent(for: event) { try tx.append(outgoing) }
            guard case .returnRequested(let orderReturn) = event else { continue }
            let input = ReturnWorkflow.Input(orderReturn, of: order)
            try workflows.start(
                ReturnWorkflow.self,
                id: input.runID,
                input: input,
                for: .user(order.placement.customerID),
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
            guard order.isCancelRequested else { return events }
            var after = order
            for event in events { after.apply(event) }
            return events + after.returnEverything()
        }
    }
}
