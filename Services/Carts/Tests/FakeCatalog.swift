import CatalogContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A fake catalogue with prices in nanos, which may be unavailable.
final class FakeCatalog: CatalogCalls {
    private let prices = Mutex<[String: Int128]>(["mug": 2_550_000_000, "pen": 5_000_000, "pin": 15_000_000])
    private let currencies = Mutex<[String: String]>([:])
    private let isUnavailable = Mutex(false)

    func set(_ sku: String, nanos: Int128?) { prices.withLock { $0[sku] = nanos } }
    /// The default is GBP.
    func set(_ sku: String, currency: String) { currencies.withLock { $0[sku] = currency } }
    func makeUnavailable() { isUnavailable.withLock { $0 = true } }

    func quotePrices(_ request: QuotePricesRequest, context: CallContext) async throws -> QuotePricesResponse {
        guard !isUnavailable.withLock({ $0 }) else {
            throw Fault(.unavailable, .unavailable, "the catalogue is unavailable")
        }
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

    private func notCalled() -> Fault { Fault(.unimplemented, .internal, "not called by carts") }

    func searchProducts(_: SearchProductsRequest, context: CallContext) async throws -> SearchProductsResponse {
        throw notCalled()
    }
    func getProduct(_: GetProductRequest, context: CallContext) async throws -> GetProductResponse { throw notCalled() }
    func putProduct(_: PutProductRequest, context: CallContext) async throws -> PutProductResponse { throw notCalled() }
    func setPrice(_: SetPriceRequest, context: CallContext) async throws -> SetPriceResponse { throw notCalled() }
    func listPrices(_: ListPricesRequest, context: CallContext) async throws -> ListPricesResponse { throw notCalled() }
    func importProducts(_: ImportProductsRequest, context: CallContext) async throws -> ImportProductsResponse {
        throw notCalled()
    }
}
