import CatalogContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A catalogue that only knows prices, in nanos of a pound, and may be away.
final class ShelfPrices: CatalogCalls {
    private let prices = Mutex<[String: Int128]>(["mug": 2_550_000_000, "pen": 5_000_000, "pin": 15_000_000])
    private let currencies = Mutex<[String: String]>([:])
    private let isAway = Mutex(false)

    func set(_ sku: String, nanos: Int128?) { prices.withLock { $0[sku] = nanos } }
    /// In pounds where nothing else is said.
    func set(_ sku: String, currency: String) { currencies.withLock { $0[sku] = currency } }
    func leave() { isAway.withLock { $0 = true } }

    func quotePrices(_ request: QuotePricesRequest, context: CallContext) async throws -> QuotePricesResponse {
        guard !isAway.withLock({ $0 }) else { throw Fault(.unavailable, .unavailable, "the catalogue is away") }
        let (prices, currencies) = (prices.withLock { $0 }, currencies.withLock { $0 })
        return .with {
            $0.quotes = Set(request.skus).sorted().compactMap { sku in
                prices[sku].map { nanos in
                    .with {
                        $0.sku = sku
                        $0.name = "A \(sku)"
                        $0.stocked = true
                        $0.unitPrice = UnitPrice(Amount(nanos: nanos), currency: currencies[sku, default: "GBP"])
                    }
                }
            }
        }
    }

    private func never() -> Fault { Fault(.unimplemented, .internal, "carts never ask this") }

    func searchProducts(_: SearchProductsRequest, context: CallContext) async throws -> SearchProductsResponse {
        throw never()
    }
    func getProduct(_: GetProductRequest, context: CallContext) async throws -> GetProductResponse { throw never() }
    func putProduct(_: PutProductRequest, context: CallContext) async throws -> PutProductResponse { throw never() }
    func setPrice(_: SetPriceRequest, context: CallContext) async throws -> SetPriceResponse { throw never() }
    func listPrices(_: ListPricesRequest, context: CallContext) async throws -> ListPricesResponse { throw never() }
    func importProducts(_: ImportProductsRequest, context: CallContext) async throws -> ImportProductsResponse {
        throw never()
    }
}
