import CatalogContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A fake catalogue with prices in nanos, which may be unavailable.
final class FakeCatalog: CatalogHandling {
    private let prices = Mutex<[ExactText: Int128]>(["mug": 2_550_000_000, "pen": 5_000_000, "pin": 15_000_000])
    private let currencies = Mutex<[ExactText: String]>([:])
    private let isUnavailable = Mutex(false)

    func set(_ sku: String, nanos: Int128?) { prices.withLock { $0[ExactText(sku)] = nanos } }
    /// The default is GBP.
    func set(_ sku: String, currency: String) { currencies.withLock { $0[ExactText(sku)] = currency } }
    func makeUnavailable() { isUnavailable.withLock { $0 = true } }

    func quotePrices(_ request: QuotePricesRequest, _ call: Call) async throws -> QuotePricesResponse {
        guard !isUnavailable.withLock({ $0 }) else {
            throw Fault(.unavailable, .unavailable, "the catalogue is unavailable")
        }
        let (prices, currencies) = (prices.withLock { $0 }, currencies.withLock { $0 })
        return .with {
            $0.quotes = Set(request.skus.map(ExactText.init(_:))).sorted().compactMap { sku in
                prices[sku].map { nanos in
                    .with {
                        $0.sku = sku.text
                        $0.name = "A \(sku)"
                        $0.stocked = true
                        $0.unitPrice = UnitPrice(Amount(nanos: nanos), currency: currencies[sku, default: "GBP"])
                    }
                }
            }
        }
    }

    private func notCalled() -> Fault { Fault(.unimplemented, .internal, "not called by carts") }

    func searchProducts(_: SearchProductsRequest, _ call: Call) async throws -> SearchProductsResponse {
        throw notCalled()
    }
    func getProduct(_: GetProductRequest, _ call: Call) async throws -> GetProductResponse { throw notCalled() }
    func putProduct(_: PutProductRequest, _ call: Call) async throws -> PutProductResponse { throw notCalled() }
    func setPrice(_: SetPriceRequest, _ call: Call) async throws -> SetPriceResponse { throw notCalled() }
    func listPrices(_: ListPricesRequest, _ call: Call) async throws -> ListPricesResponse { throw notCalled() }
    func importProducts(_: ImportProductsRequest, _ call: Call) async throws -> ImportProductsResponse {
        throw notCalled()
    }
}
