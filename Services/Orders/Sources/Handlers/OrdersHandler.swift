import CartsContract
import CatalogContract
import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import MartletWorkflows
import OrdersContract
import SharedContract
import SwiftProtobuf

/// Converts order requests into domain calls and results into responses; checks access to orders.
struct OrdersHandler: OrdersHandling {
    let orders: OrderStore
    let pricing: Pricing
    let runtime: Runtime

    func placeOrder(_ request: PlaceOrderRequest, _ call: Call) async throws -> PlaceOrderResponse {
        if let stored = try await call.storedResponse(as: PlaceOrderResponse.self) { return stored }
        return try await orders.admit(call.context) { try await place(request, call) }
    }

    private func place(_ request: PlaceOrderRequest, _ call: Call) async throws -> PlaceOrderResponse {
        let wanted: (placement: Placement, cart: OrderedCart?)
        do { wanted = try await placement(of: request, call) } catch {
            // The order of a concurrent request with this key may have taken the cart's lines meanwhile.
            if let stored = try await call.storedResponse(as: PlaceOrderResponse.self) { return stored }
            throw error
        }
        let id = newID()
        return try await call.write { tx in
            // The units of a cart are ordered once, whatever the keys: they leave it only later, by an event.
            if let cart = wanted.cart, try OrderSummary.isTaken(cart, named: wanted.placement.cart, in: tx) {
                throw OrderError.cartOrdered
            }
            let order = try orders.place(
                wanted.placement,
                as: id,
                paymentMethod: request.paymentMethod,
                call.context,
                in: tx
            )
            return try PlaceOrderResponse.with { $0.order = try order.message(placed: tx.date, text: nil) }
        }
    }

    private func placement(
        of request: PlaceOrderRequest,
        _ call: Call
    ) async throws -> (Placement, OrderedCart?) {
        let priced = try await pricing.lines(of: request, call.outgoing)
        let placement = try Placement(
            customerID: call.principal.subject,
            reference: nil,
            cart: priced.cart,
            currency: priced.currency,
            lines: priced.lines
        )
        try request.requireExpected(placement, shownRevision: priced.shownRevision)
        return (placement, priced.cart)
    }

    func placeAgreedOrder(
        _ request: PlaceAgreedOrderRequest,
        _ call: Call
    ) async throws -> PlaceAgreedOrderResponse {
        let placement = try Placement(request)
        var response: PlaceAgreedOrderResponse
        do {
            response = try await orders.admit(call.context) { try await place(placement, as: request, call) }
        } catch let full as WorkflowsFull {
            // A repeat is answered under any load.
            guard let earlier = try await known(placement, as: request, call) else { throw full }
            response = earlier
        }
        guard response.order.status == .cancelled else { return response }
        // Not in the transaction: what it returns is stored for repeats, and a customer's text is not.
        let cancelled = response.order.orderID
        response.order.reason = try await call.read { tx in
            try orders.cancelText(of: orders.order(cancelled, in: tx).0, in: tx) ?? ""
        }
        return response
    }

    private func place(
        _ placement: Placement,
        as request: PlaceAgreedOrderRequest,
        _ call: Call
    ) async throws -> PlaceAgreedOrderResponse {
        let id = newID()
        return try await call.write { tx in
            if let earlier = try known(placement, as: request.reference, in: tx) { return earlier }
            let order = try orders.place(
                placement,
                as: id,
                paymentMethod: request.paymentMethod,
                call.context,
                in: tx
            )
            return try PlaceAgreedOrderResponse.with { $0.order = try order.message(placed: tx.date, text: nil) }
        }
    }

    /// The response to a repeat; `nil` when no such order was placed.
    private func known(
        _ placement: Placement,
        as request: PlaceAgreedOrderRequest,
        _ call: Call
    ) async throws -> PlaceAgreedOrderResponse? {
        if let stored = try await call.storedResponse(as: PlaceAgreedOrderResponse.self) { return stored }
        return try await call.read { tx in try known(placement, as: request.reference, in: tx) }
    }

    /// - Throws: `OrderError.referenceTaken` when another order has the reference.
    private func known(
        _ placement: Placement,
        as reference: String,
        in tx: borrowing SQLTransaction
    ) throws -> PlaceAgreedOrderResponse? {
        guard let existing = try OrderSummary.orderID(reference: reference, in: tx) else { return nil }
        let (order, placed) = try orders.order(existing, in: tx)
        guard order.placement.isSame(as: placement) else { throw OrderError.referenceTaken(reference) }
        return PlaceAgreedOrderResponse.with { $0.order = order.message(placed: placed, text: nil) }
    }

    func cancelOrder(_ request: CancelOrderRequest, _ call: Call) async throws -> CancelOrderResponse {
        let text = request.reason.isEmpty ? nil : CustomerText(id: ExactText(newID()), text: request.reason)
        return try await call.write { tx in
            try requireVisibleOrder(request.orderID, call, in: tx)
            let order = try orders.cancel(request.orderID, text: text, trace: call.trace, in: tx)
            return CancelOrderResponse.with { $0.status = order.status.published }
        }
    }

    func returnOrder(_ request: ReturnOrderRequest, _ call: Call) async throws -> ReturnOrderResponse {
        let requested = try RequestedReturn(request)
        return try await call.write { tx in
            try requireVisibleOrder(request.orderID, call, in: tx)
            let order = try orders.change(request.orderID, trace: call.trace, in: tx) {
                try $0.requestReturn(id: requested.id, requested.items)
            }
            let refund = order.returns.first { $0.id == requested.id }?.refundMinorUnits ?? 0
            return ReturnOrderResponse.with { $0.refund = Money(refund, currency: order.placement.currency) }
        }
    }

    private func newID() -> String { "\(runtime.identifier())" }

    /// Loads an order that the caller may see: their own; any order for merchants.
    ///
    /// - Throws: `OrderError.unknownOrder` otherwise, so that the order's existence is not disclosed.
    @discardableResult
    func requireVisibleOrder(
        _ id: String,
        _ call: Call,
        in tx: borrowing SQLTransaction
    ) throws -> (Order, Timestamp) {
        let (order, placed) = try orders.order(id, in: tx)
        guard seesAll(call.principal) || order.placement.customerID == call.principal.subject else {
            throw OrderError.unknownOrder(id)
        }
        return (order, placed)
    }

    /// Whether `principal` sees the orders of all customers: those who may place orders at agreed prices.
    func seesAll(_ principal: Principal) -> Bool {
        OrdersMethods.placeAgreedOrder.access.decision(on: principal, from: nil) == .allowed
    }
}
