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
            try store.put(Product(sku: request.sku, name: request.name, isStocked: request.stocked), in: tx)
            return try PutProductResponse.with { $0.product = try requireProduct(request.sku, in: tx).message }
        }
    }

    func setPrice(_ request: SetPriceRequest, _ call: Call) async throws -> SetPriceResponse {
        guard Currency.isCode(request.unitPrice.currency) else {
            throw CatalogError.invalidCurrency(field: "unit_price.currency")
        }
        return try await call.write { tx in
            let from = request.hasEffectiveFrom ? Timestamp(request.effectiveFrom) : tx.date
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
            let wrong = product.prices.firstIndex { !Currency.isCode($0.unitPrice.currency) }
            guard let wrong else { continue }
            throw CatalogError.invalidCurrency(field: "products[\(index)].prices[\(wrong)].unit_price.currency")
        }
        return try await call.write { tx in
            // The last entry of a SKU or an effective time wins, so that a repeated import changes nothing.
            let products = Dictionary(grouping: request.products, by: \.sku).sorted { $0.key < $1.key }
            for (sku, items) in products {
                guard let last = items.last else { continue }
                try store.put(Product(sku: sku, name: last.name, isStocked: last.stocked), in: tx)
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
        let found = try await call.read { tx in
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
        let after = Int64(page.after[0]) ?? .min
        let found = try await call.read { tx in
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
            for sku in Set(request.skus).sorted() {
                if let product = try store.product(sku, in: tx), product.price != nil { found.append(product) }
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

    private func requireProduct(_ sku: String, in tx: borrowing SQLTransaction) throws -> PricedProduct {
        guard let product = try store.product(sku, in: tx) else { throw CatalogError.unknownSKU(sku) }
        return product
    }
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
