import CartsContract
import CatalogContract
import MartletCore
import OrdersContract
import SharedContract
import SwiftProtobuf

/// Resolves the lines and prices of a request from cart and catalogue.
struct Pricing: Sendable {
    struct Priced: Sendable {
        /// `nil` without a cart.
        let cart: OrderedCart?
        /// The cart's revision with these prices; `nil` without a cart, and when prices changed since it was read.
        let shownRevision: String?
        let currency: String
        let lines: [PricedLine]
    }

    let carts: any CartsCalls
    let catalog: any CatalogCalls

    /// - Parameter context: That of the outgoing calls.
    /// - Throws: `OrderError`; `Fault` when a service is unavailable.
    func lines(of request: PlaceOrderRequest, _ context: CallContext) async throws -> Priced {
        switch (request.cartID.isEmpty, request.lines.isEmpty) {
        case (true, true): throw OrderError.emptyOrder
        case (false, false): throw OrderError.linesAndCart
        case (true, false):
            guard request.expectedRevision.isEmpty else {
                throw Fault(.invalidArgument, .invalidRequest, "is that of a cart", field: "expected_revision")
            }
            let requested = request.lines.map { (sku: $0.sku, quantity: Int($0.quantity)) }
            return try await price(requested, of: nil, context)
        case (false, true):
            let cart = try await cart(request.cartID, context)
            let requested = cart.lines.map { (sku: $0.sku, quantity: Int($0.quantity)) }
            return try await price(requested, of: cart, context)
        }
    }

    private func cart(_ id: String, _ context: CallContext) async throws -> Cart {
        do {
            let request = GetCartRequest.with { $0.cartID = id }
            let cart = try await carts.getCart(request, context: context).cart
            guard !cart.lines.isEmpty else { throw OrderError.emptyCart }
            return cart
        } catch let fault as Fault where fault.code == .notFound {
            throw OrderError.unknownCart(id)
        }
    }

    private func price(
        _ requested: [(sku: String, quantity: Int)],
        of cart: Cart?,
        _ context: CallContext
    ) async throws -> Priced {
        guard requested.count <= Placement.linesLimit else {
            throw OrderError.tooManyLines(limit: Placement.linesLimit)
        }
        let request = QuotePricesRequest.with {
            $0.skus = Set(requested.map { ExactText($0.sku) }).sorted().map(\.text)
        }
        let response = try await catalog.quotePrices(request, context: context)
        // A negative price is a discount, which only the merchant may grant.
        let sold = response.quotes.filter { $0.unitPrice.amount >= .zero }
        let quotes = Dictionary(sold.map { (ExactText($0.sku), $0) }) { first, _ in first }
        let unknown = requested.enumerated().filter { quotes[ExactText($0.element.sku)] == nil }
        guard unknown.isEmpty else {
            throw cart == nil
                ? OrderError.unknownSKUs(unknown.map { RequestedSKU(line: $0.offset, sku: $0.element.sku) })
                : OrderError.unsoldInCart(unknown.map(\.element.sku))
        }
        guard let first = requested.first, let currency = quotes[ExactText(first.sku)]?.unitPrice.currency else {
            throw OrderError.emptyOrder
        }
        var lines: [PricedLine] = []
        for (index, (sku, quantity)) in requested.enumerated() {
            guard let quote = quotes[ExactText(sku)] else { continue }
            guard ExactText(quote.unitPrice.currency) == ExactText(currency) else {
                let field = cart == nil ? "lines[\(index)].sku" : "cart_id"
                throw OrderError.mixedCurrencies(field: field, currency: currency, other: quote.unitPrice.currency)
            }
            lines.append(
                try PricedLine(
                    code: ExactText(sku),
                    name: quote.name,
                    quantity: quantity,
                    price: quote.unitPrice,
                    isGoods: quote.stocked
                )
            )
        }
        let areShown = cart?.lines.allSatisfy { line in
            line.unitPrice.isEqual(to: quotes[ExactText(line.sku)]?.unitPrice)
        }
        return Priced(
            cart: cart.map(OrderedCart.init),
            shownRevision: areShown == true ? cart?.revision : nil,
            currency: currency,
            lines: lines
        )
    }
}

extension OrderedCart {
    fileprivate init(_ cart: Cart) {
        // Carts of an earlier version have only a revision, of their lines.
        let revision = cart.linesRevision.isEmpty ? cart.revision : cart.linesRevision
        self.init(
            id: cart.cartID,
            revision: revision.isEmpty ? nil : revision,
            version: cart.version > 0 ? Int64(clamping: cart.version) : nil,
            oldestVersion: cart.oldestVersion > 0 ? Int64(clamping: cart.oldestVersion) : nil
        )
    }
}

extension UnitPrice {
    fileprivate func isEqual(to other: UnitPrice?) -> Bool {
        ExactText(currency) == other.map { ExactText($0.currency) } && amount == other?.amount
    }
}
