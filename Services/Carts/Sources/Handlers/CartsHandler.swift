import CartsContract
import CatalogContract
import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import SharedContract
import SwiftProtobuf

/// Converts cart requests into store calls; takes names and prices from the catalogue.
struct CartsHandler: CartsHandling {
    let catalog: any CatalogCalls
    let runtime: Runtime
    let store = CartStore()

    func createGuestCart(
        _ request: CreateGuestCartRequest,
        _ call: Call
    ) async throws -> CreateGuestCartResponse {
        // Two identifiers: 148 random bits cannot be guessed.
        let token = "\(runtime.identifier())" + "\(runtime.entropy.next())"
        return try await call.write { tx in
            try store.open(.guest(ExactText(token)), in: tx)
            return CreateGuestCartResponse.with { $0.cartID = token }
        }
    }

    func getCart(_ request: GetCartRequest, _ call: Call) async throws -> GetCartResponse {
        let owner = try CartOwner(request.cartID, call.principal)
        let stored = try await call.read { tx in
            try store.contents(owner, in: tx)
        }
        return try await priced(stored, of: owner, as: GetCartResponse.self, call) { $0.cart = $1 }
    }

    func putLine(_ request: PutLineRequest, _ call: Call) async throws -> PutLineResponse {
        let owner = try CartOwner(request.cartID, call.principal)
        let stored = try await call.read { tx in
            try store.contents(owner, in: tx).lines.map(\.sku)
        }
        let others = stored.filter { ExactText($0) != ExactText(request.sku) }
        guard others.count < CartStore.linesLimit else { throw CartError.tooManyLines(limit: CartStore.linesLimit) }
        let quotes = try await quotes(others + [request.sku], call)
        guard let quote = quotes[ExactText(request.sku)] else { throw CartError.unknownSKU(request.sku) }
        let currency = quote.unitPrice.currency
        let currencies = others.compactMap { quotes[ExactText($0)]?.unitPrice.currency }
        if let other = currencies.first(where: { ExactText($0) != ExactText(currency) }) {
            throw CartError.mixedCurrencies(sku: request.sku, currency: currency, cart: other)
        }
        let contents = try await change(request.sku, to: Int(request.quantity), of: owner, call)
        return try await priced(contents, of: owner, as: PutLineResponse.self, call) { $0.cart = $1 }
    }

    func removeLine(_ request: RemoveLineRequest, _ call: Call) async throws -> RemoveLineResponse {
        let owner = try CartOwner(request.cartID, call.principal)
        let contents = try await change(request.sku, to: 0, of: owner, call)
        return try await priced(contents, of: owner, as: RemoveLineResponse.self, call) { $0.cart = $1 }
    }

    /// Sets a line's quantity; idempotent, so it needs no stored response.
    private func change(
        _ sku: String,
        to quantity: Int,
        of owner: CartOwner,
        _ call: Call
    ) async throws -> CartContents {
        let revision = "\(runtime.identifier())"
        return try await call.database.transaction("set line", deadline: call.deadline) { tx in
            try store.set(sku, to: quantity, owner, revision: revision, in: tx)
            return try store.contents(owner, in: tx)
        }
    }

    private func priced<Response: ContractMessage>(
        _ contents: CartContents,
        of owner: CartOwner,
        as type: Response.Type,
        _ call: Call,
        fill: (inout Response, Cart) -> Void
    ) async throws -> Response {
        let lines = contents.lines
        let quotes = try await quotes(lines.map(\.sku), call)
        let totals = Self.totals(lines, quotes)
        var cart = Cart.with {
            $0.cartID = owner.name
            $0.linesRevision = contents.revision ?? ""
            $0.version = UInt64(clamping: contents.version)
            $0.oldestVersion = UInt64(clamping: contents.oldestVersion ?? 0)
            $0.totals = totals
            if totals.count <= 1 { $0.total = totals.first ?? Money(0, currency: "") }
            $0.lines = lines.map { line in
                .with {
                    $0.sku = line.sku
                    $0.quantity = UInt32(line.units.quantity)
                    if let quote = quotes[ExactText(line.sku)] {
                        $0.name = quote.name
                        $0.unitPrice = quote.unitPrice
                    }
                }
            }
        }
        cart.revision = cart.revisionAsShown
        var response = Response()
        fill(&response, cart)
        return response
    }

    /// The totals of the lines, by currency, each rounded once.
    private static func totals(
        _ lines: [CartContents.Line],
        _ quotes: [ExactText: QuotePricesResponse.Quote]
    ) -> [Money] {
        var exact: [ExactText: Amount] = [:]
        for line in lines {
            guard let price = quotes[ExactText(line.sku)]?.unitPrice else { continue }
            let currency = ExactText(price.currency)
            exact[currency, default: .zero] = exact[currency, default: .zero] + price.amount * line.units.quantity
        }
        return exact.sorted { $0.key < $1.key }
            .map { Money($0.value.minorUnits(of: $0.key.text) ?? .max, currency: $0.key.text) }
    }

    /// The quotes of `skus` that are sold, by SKU.
    ///
    /// A negative price is a discount, which only the merchant may grant.
    private func quotes(
        _ skus: [String],
        _ call: Call
    ) async throws -> [ExactText: QuotePricesResponse.Quote] {
        guard !skus.isEmpty else { return [:] }
        let request = QuotePricesRequest.with { $0.skus = skus }
        let response = try await catalog.quotePrices(request, context: call.outgoing)
        let sold = response.quotes.filter { $0.unitPrice.amount >= .zero }
        return Dictionary(sold.map { (ExactText($0.sku), $0) }) { first, _ in first }
    }
}
