import CartsContract
import CatalogContract
import MartletCore
import OrdersContract
import SharedContract
import SwiftProtobuf

/// Finds out what a request wants and what it costs, from cart and catalogue.
struct Pricing: Sendable {
    struct Priced: Sendable {
        let cartID: String
        let currency: String
        let lines: [PricedLine]
    }

    let service: String
    let carts: any CartsCalls
    let catalog: any CatalogCalls

    /// - Throws: `OrderError`; `Fault` when a neighbour is away.
    func lines(of request: PlaceOrderRequest, _ context: CallContext) async throws -> Priced {
        switch (request.cartID.isEmpty, request.lines.isEmpty) {
        case (true, true): throw OrderError.emptyOrder
        case (false, false): throw OrderError.linesAndCart
        case (true, false):
            let wanted = request.lines.map { (sku: $0.sku, quantity: Int($0.quantity)) }
            return try await price(wanted, cartID: "", context)
        case (false, true):
            let cart = try await cart(request.cartID, context)
            let wanted = cart.lines.map { (sku: $0.sku, quantity: Int($0.quantity)) }
            return try await price(wanted, cartID: cart.cartID, context)
        }
    }

    private func cart(_ id: String, _ context: CallContext) async throws -> Cart {
        do {
            let request = GetCartRequest.with { $0.cartID = id }
            let cart = try await carts.getCart(request, context: context.outgoing(as: service)).cart
            guard !cart.lines.isEmpty else { throw OrderError.emptyOrder }
            return cart
        } catch let fault as Fault where fault.code == .notFound {
            throw OrderError.unknownCart(id)
        }
    }

    private func price(
        _ wanted: [(sku: String, quantity: Int)],
        cartID: String,
        _ context: CallContext
    ) async throws -> Priced {
        guard wanted.count <= Placement.linesLimit else { throw OrderError.tooManyLines(limit: Placement.linesLimit) }
        let request = QuotePricesRequest.with { $0.skus = Set(wanted.map(\.sku)).sorted() }
        let answer = try await catalog.quotePrices(request, context: context.outgoing(as: service))
        let quotes = Dictionary(answer.quotes.map { ($0.sku, $0) }) { first, _ in first }
        let lines = try wanted.map { sku, quantity in
            guard let quote = quotes[sku] else { throw OrderError.unknownSKU(sku) }
            return try PricedLine(
                code: sku,
                name: quote.name,
                quantity: quantity,
                price: quote.unitPrice,
                isGoods: quote.stocked
            )
        }
        let currencies = Set(answer.quotes.map(\.unitPrice.currency))
        guard currencies.count == 1, let currency = currencies.first else { throw OrderError.mixedCurrencies }
        return Priced(cartID: cartID, currency: currency, lines: lines)
    }
}

extension PricedLine {
    /// - Throws: `OrderError.totalOutOfRange` for a price beyond ±9 billion.
    init(code: String, name: String, quantity: Int, price: UnitPrice, isGoods: Bool) throws(OrderError) {
        guard let nanos = Int64(exactly: price.amount.nanos) else { throw .totalOutOfRange }
        self.init(code: code, name: name, quantity: quantity, priceNanos: nanos, isGoods: isGoods)
    }
}

extension Placement {
    /// What a merchant has agreed with a customer.
    init(_ request: PlaceAgreedOrderRequest) throws(OrderError) {
        let currencies = Set(request.lines.map(\.unitPrice.currency))
        guard currencies.count == 1, let currency = currencies.first else { throw .mixedCurrencies }
        var lines: [PricedLine] = []
        for line in request.lines {
            lines.append(
                try PricedLine(
                    code: line.sku,
                    name: line.name,
                    quantity: Int(line.quantity),
                    price: line.unitPrice,
                    isGoods: !line.service
                )
            )
        }
        try self.init(
            customerID: request.customerID,
            reference: request.reference,
            cartID: "",
            currency: currency,
            lines: lines
        )
    }
}
