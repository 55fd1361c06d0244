import CartsContract
import CatalogContract
import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import SharedContract
import SwiftProtobuf

/// Turns messages into the carts' words, and back; asks the catalogue for prices.
struct CartsHandler: CartsCalls {
    let service: String
    let database: any SQLDatabase
    let catalog: any CatalogCalls
    let time: any TimeSource
    let entropy: any Entropy
    let store = CartStore()

    func createGuestCart(
        _ request: CreateGuestCartRequest,
        context: CallContext
    ) async throws -> CreateGuestCartResponse {
        // Two identifiers: nobody guesses 148 random bits.
        let token = "\(Identifier(time: time, entropy: entropy))" + "\(entropy.next())"
        // Strangers share one principal: under an equal key, one would be given the other's cart.
        var context = context
        if context.principal.subject.isEmpty { context.idempotencyKey = nil }
        return try await context.transaction(on: database, CartsMethods.createGuestCart, request) { tx in
            try store.open(.guest(token), in: tx)
            return CreateGuestCartResponse.with { $0.cartID = token }
        }
    }

    func getCart(_ request: GetCartRequest, context: CallContext) async throws -> GetCartResponse {
        let owner = try CartOwner(request.cartID, context.principal)
        let lines = try await database.read("get cart", deadline: context.deadline) { tx in
            try store.lines(owner, in: tx).map(Wanted.init)
        }
        return try await priced(lines, owner, context, GetCartResponse.self) { $0.cart = $1 }
    }

    func putLine(_ request: PutLineRequest, context: CallContext) async throws -> PutLineResponse {
        let owner = try CartOwner(request.cartID, context.principal)
        let quotes = try await quotes([request.sku], context)
        guard quotes[request.sku] != nil else { throw CartError.unknownSKU(request.sku) }
        let lines = try await change(request.sku, to: Int(request.quantity), owner, context)
        return try await priced(lines, owner, context, PutLineResponse.self) { $0.cart = $1 }
    }

    func removeLine(_ request: RemoveLineRequest, context: CallContext) async throws -> RemoveLineResponse {
        let owner = try CartOwner(request.cartID, context.principal)
        let lines = try await change(request.sku, to: 0, owner, context)
        return try await priced(lines, owner, context, RemoveLineResponse.self) { $0.cart = $1 }
    }

    private struct Wanted: Sendable {
        let sku: String
        let quantity: Int
    }

    /// Setting a line to a quantity is the same however often it is done: it needs no stored answer.
    private func change(
        _ sku: String,
        to quantity: Int,
        _ owner: CartOwner,
        _ context: CallContext
    ) async throws -> [Wanted] {
        try await database.transaction("set line", deadline: context.deadline) { tx in
            try store.set(sku, to: quantity, owner, in: tx)
            return try store.lines(owner, in: tx).map(Wanted.init)
        }
    }

    private func priced<Response: ContractMessage>(
        _ lines: [Wanted],
        _ owner: CartOwner,
        _ context: CallContext,
        _ type: Response.Type,
        _ fill: (inout Response, Cart) -> Void
    ) async throws -> Response {
        let quotes = try await quotes(lines.map(\.sku), context)
        let exact = lines.reduce(Amount.zero) { sum, line in
            sum + (quotes[line.sku]?.unitPrice.amount ?? .zero) * line.quantity
        }
        let currency = quotes.values.map(\.unitPrice.currency).min() ?? ""
        let cart = Cart.with {
            $0.cartID = owner.name
            $0.total = Money(exact.minorUnits(of: currency) ?? 0, currency: currency)
            $0.lines = lines.map { line in
                .with {
                    $0.sku = line.sku
                    $0.quantity = UInt32(line.quantity)
                    if let quote = quotes[line.sku] {
                        $0.name = quote.name
                        $0.unitPrice = quote.unitPrice
                    }
                }
            }
        }
        var response = Response()
        fill(&response, cart)
        return response
    }

    private func quotes(
        _ skus: [String],
        _ context: CallContext
    ) async throws -> [String: QuotePricesResponse.Quote] {
        guard !skus.isEmpty else { return [:] }
        let request = QuotePricesRequest.with { $0.skus = skus }
        let answer = try await catalog.quotePrices(request, context: context.outgoing(as: service))
        return Dictionary(answer.quotes.map { ($0.sku, $0) }) { first, _ in first }
    }
}
