import CatalogContract
import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import SharedContract
import SwiftProtobuf

/// Converts catalogue requests into store calls and results into responses.
struct CatalogHandler: CatalogHandling {
    let store = CatalogStore()

    func putProduct(_ request: PutProductRequest, _ call: Call) async throws -> PutProductResponse {
        try await call.write { tx in
            try checkForm(of: request.sku, field: "sku", in: tx)
            try store.put(Product(sku: request.sku, name: request.name, isStocked: request.isStocked), in: tx)
            return try PutProductResponse.with { $0.product = try requireProduct(request.sku, in: tx).message }
        }
    }

    func setPrice(_ request: SetPriceRequest, _ call: Call) async throws -> SetPriceResponse {
        try check(request.unitPrice, field: "unit_price")
        return try await call.write { tx in
            let from = try request.hasEffectiveFrom ? Timestamp(request.effectiveFrom) : tx.date
            let price = DatedPrice(price: request.unitPrice, effectiveFrom: from)
            try store.set([price], of: request.sku, in: tx)
            return SetPriceResponse.with { $0.price = price.message }
        }
    }

    func importProducts(
        _ request: ImportProductsRequest,
        _ call: Call
    ) async throws -> ImportProductsResponse {
        for (index, product) in request.products.enumerated() {
            for (number, price) in product.prices.enumerated() {
                try check(price.unitPrice, field: "products[\(index)].prices[\(number)].unit_price")
            }
        }
        return try await call.write { tx in
            for (index, product) in request.products.enumerated() {
                try checkForm(of: product.sku, field: "products[\(index)].sku", in: tx)
            }
            // The last entry of a SKU or an effective time wins, so that a repeated import changes nothing.
            let products = Dictionary(grouping: request.products) { ExactText($0.sku) }.sorted { $0.key < $1.key }
            for (key, items) in products {
                guard let last = items.last else { continue }
                let sku = key.text
                try store.put(Product(sku: sku, name: last.name, isStocked: last.isStocked), in: tx)
                let prices = items.flatMap(\.prices).map { (Timestamp($0.effectiveFrom), $0.unitPrice) }
                let dated = Dictionary(prices) { $1 }
                let history = dated.sorted { $0.key < $1.key }.map {
                    DatedPrice(price: $0.value, effectiveFrom: $0.key)
                }
                try store.set(history, of: sku, in: tx)
            }
            return ImportProductsResponse.with {
                $0.products = UInt32(request.products.count)
                $0.prices = UInt32(request.products.reduce(0) { $0 + $1.prices.count })
            }
        }
    }

    func searchProducts(
        _ request: SearchProductsRequest,
        _ call: Call
    ) async throws -> SearchProductsResponse {
        let page = try ListPage(request, size: 20, keys: 1)
        let found = try await call.read(kind: .scan) { tx in
            try store.search(SearchQuery(request.query), after: page.after[0], limit: page.limit, in: tx)
        }
        let (products, next) = page.cut(found) { [$0.product.sku] }
        return .with {
            $0.products = products.map(\.message)
            if !next.isEmpty { $0.page.nextPageToken = next }
        }
    }

    func getProduct(_ request: GetProductRequest, _ call: Call) async throws -> GetProductResponse {
        try await call.read { tx in
            try .with { $0.product = try requireProduct(request.sku, in: tx).message }
        }
    }

    func listPrices(_ request: ListPricesRequest, _ call: Call) async throws -> ListPricesResponse {
        let page = try ListPage(request, size: 50, keys: 1)
        let after = try page.number(0) ?? .min
        let found = try await call.read(kind: .scan) { tx in
            _ = try requireProduct(request.sku, in: tx)
            return try store.prices(
                of: request.sku,
                after: Timestamp(microseconds: after),
                limit: page.limit,
                in: tx
            )
        }
        let (prices, next) = page.cut(found) { [String($0.effectiveFrom.microseconds)] }
        return .with {
            $0.prices = prices.map(\.message)
            if !next.isEmpty { $0.page.nextPageToken = next }
        }
    }

    func quotePrices(_ request: QuotePricesRequest, _ call: Call) async throws -> QuotePricesResponse {
        let found = try await call.read { tx in
            var found: [PricedProduct] = []
            for sku in Set(request.skus.map(ExactText.init(_:))).sorted() {
                if let product = try store.product(sku.text, in: tx), product.price != nil { found.append(product) }
            }
            return found
        }
        return .with {
            $0.quotes = found.map { found in
                .with {
                    $0.sku = found.product.sku
                    $0.name = found.product.name
                    $0.stocked = found.product.isStocked
                    if let price = found.price { $0.unitPrice = price }
                }
            }
        }
    }

    /// - Parameter field: That of the price.
    /// - Throws: `CatalogError.invalidCurrency`, `.twoSigns`.
    private func check(_ price: UnitPrice, field: String) throws(CatalogError) {
        guard Currency.exists(price.currency) else { throw .invalidCurrency(field: "\(field).currency") }
        guard price.hasOneSign else { throw .twoSigns(field: "\(field).nanos") }
    }

    /// Checks that a new SKU has one form of all that look alike; a stored one is itself, byte for byte.
    ///
    /// - Throws: `CatalogError.notComposed`.
    private func checkForm(of sku: String, field: String, in tx: borrowing SQLTransaction) throws {
        guard let composed = ComposedText.differing(from: sku), try store.product(sku, in: tx) == nil else { return }
        throw CatalogError.notComposed(field: field, composed: composed)
    }

    private func requireProduct(_ sku: String, in tx: borrowing SQLTransaction) throws -> PricedProduct {
        guard let product = try store.product(sku, in: tx) else { throw CatalogError.unknownSKU(sku) }
        return product
    }
}

extension PutProductRequest {
    /// Goods come from stock unless the request states otherwise: a service sells without a limit.
    fileprivate var isStocked: Bool { hasStocked ? stocked : true }
}

extension ImportedProduct {
    fileprivate var isStocked: Bool { hasStocked ? stocked : true }
}

extension PricedProduct {
    /// The product as a contract message.
    var message: CatalogContract.Product {
        .with {
            $0.sku = product.sku
            $0.name = product.name
            $0.stocked = product.isStocked
            if let price { $0.price = price }
        }
    }
}

extension DatedPrice {
    var message: Price {
        .with {
            $0.unitPrice = price
            $0.effectiveFrom = Google_Protobuf_Timestamp(effectiveFrom)
        }
    }
}
