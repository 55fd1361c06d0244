import CartsContract
import CatalogContract
import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import OrdersContract
import SharedContract
import SwiftProtobuf

/// Converts order requests into domain calls and results into responses; checks access to orders.
struct OrdersHandler: OrdersCalls {
    let database: any SQLDatabase
    let orders: OrderStore
    let pricing: Pricing
    let time: any TimeSource
    let entropy: any Entropy

    func placeOrder(_ request: PlaceOrderRequest, context: CallContext) async throws -> PlaceOrderResponse {
        if let stored = try await stored(request, context) { return stored }
        try orders.admit()
        let placement: Placement
        do { placement = try await self.placement(of: request, context) } catch {
            // A concurrent request with this key may have completed, so that the cart is empty now.
            if let stored = try await stored(request, context) { return stored }
            throw error
        }
        let id = newID()
        return try await context.transaction(on: database, OrdersMethods.placeOrder, request) { tx in
            // Two requests with two keys order a cart once: it is emptied only later, by the event.
            if let revision = placement.cartRevision, try OrderSummary.isOrdered(cartRevision: revision, in: tx) {
                throw OrderError.cartOrdered
            }
            let order = try orders.place(
                placement,
                as: id,
                paymentMethod: request.paymentMethod,
                context,
                in: tx
            )
            return PlaceOrderResponse.with { $0.order = order.message(placed: tx.date) }
        }
    }

    private func stored(_ request: PlaceOrderRequest, _ context: CallContext) async throws -> PlaceOrderResponse? {
        try await context.storedResponse(on: database, OrdersMethods.placeOrder, request)
    }

    private func placement(of request: PlaceOrderRequest, _ context: CallContext) async throws -> Placement {
        let priced = try await pricing.lines(of: request, context)
        return try Placement(
            customerID: context.principal.subject,
            reference: nil,
            cartID: priced.cartID,
            cartRevision: priced.cartRevision,
            currency: priced.currency,
            lines: priced.lines
        )
    }

    func placeAgreedOrder(
        _ request: PlaceAgreedOrderRequest,
        context: CallContext
    ) async throws -> PlaceAgreedOrderResponse {
        let placement = try Placement(request)
        let id = newID()
        return try await context.transaction(on: database, OrdersMethods.placeAgreedOrder, request) { tx in
            if let existing = try OrderSummary.orderID(reference: request.reference, in: tx) {
                let (order, placed) = try orders.order(existing, in: tx)
                guard order.placement == placement else { throw OrderError.referenceTaken(request.reference) }
                return PlaceAgreedOrderResponse.with { $0.order = order.message(placed: placed) }
            }
            try orders.admit()
            let order = try orders.place(
                placement,
                as: id,
                paymentMethod: request.paymentMethod,
                context,
                in: tx
            )
            return PlaceAgreedOrderResponse.with { $0.order = order.message(placed: tx.date) }
        }
    }

    func cancelOrder(_ request: CancelOrderRequest, context: CallContext) async throws -> CancelOrderResponse {
        try await context.transaction(on: database, OrdersMethods.cancelOrder, request) { tx in
            try requireVisibleOrder(request.orderID, context, in: tx)
            let order = try orders.change(request.orderID, trace: context.trace, in: tx) {
                try $0.requestCancel(reason: request.reason)
            }
            return CancelOrderResponse.with { $0.status = order.status.published }
        }
    }

    func returnOrder(_ request: ReturnOrderRequest, context: CallContext) async throws -> ReturnOrderResponse {
        let requested = try RequestedReturn(request)
        return try await context.transaction(on: database, OrdersMethods.returnOrder, request) { tx in
            try requireVisibleOrder(request.orderID, context, in: tx)
            let order = try orders.change(request.orderID, trace: context.trace, in: tx) {
                try $0.requestReturn(id: requested.id, requested.items)
            }
            let refund = order.returns.first { $0.id == requested.id }?.refundMinorUnits ?? 0
            return ReturnOrderResponse.with { $0.refund = Money(refund, currency: order.placement.currency) }
        }
    }

    private func newID() -> String { "\(Identifier(time: time, entropy: entropy))" }

    /// Loads an order that the caller may see: their own; any order for merchants and services.
    ///
    /// - Throws: `OrderError.unknownOrder` otherwise, so that the order's existence is not disclosed.
    @discardableResult
    func requireVisibleOrder(
        _ id: String,
        _ context: CallContext,
        in tx: borrowing SQLTransaction
    ) throws -> (Order, Timestamp) {
        let (order, placed) = try orders.order(id, in: tx)
        let mayAccessAll = context.principal.kind == .service && context.principal.onBehalfOf == nil
        guard
            mayAccessAll || context.principal.scopes.contains(OrdersMethods.placeAgreedOrder.scope)
                || order.placement.customerID == context.principal.subject
        else { throw OrderError.unknownOrder(id) }
        return (order, placed)
    }
}
