import CatalogContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A fake catalogue with prices in pence, which may be unavailable.
final class FakeCatalog: CatalogHandling {
    private let pence = Mutex<[ExactText: Int64]>(["mug": 255, "pen": 10, "POST": 400])
    private let isUnavailable = Mutex(false)

    func set(_ sku: String, pence: Int64?) { self.pence.withLock { $0[ExactText(sku)] = pence } }
    func setUnavailable(_ unavailable: Bool) { isUnavailable.withLock { $0 = unavailable } }

    func quotePrices(_ request: QuotePricesRequest, _ call: Call) async throws -> QuotePricesResponse {
        guard !isUnavailable.withLock({ $0 }) else {
            throw Fault(.unavailable, .unavailable, "the catalogue is unavailable")
        }
        let pence = pence.withLock { $0 }
        return .with {
            $0.quotes = Set(request.skus.map(ExactText.init(_:))).sorted().compactMap { sku in
                pence[sku].map { pence in
                    .with {
                        $0.sku = sku.text
                        $0.name = "A \(sku)"
                        $0.stocked = sku != "POST"
                        $0.unitPrice = UnitPrice(
                            Amount(nanos: Int128(pence) * 10_000_000),
                            currency: sku == "yen" ? "JPY" : "GBP"
                        )
                    }
                }
            }
        }
    }

    private func notCalled() -> Fault { Fault(.unimplemented, .internal, "not called by orders") }

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
