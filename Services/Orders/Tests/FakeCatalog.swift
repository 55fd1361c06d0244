import CatalogContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A fake catalogue with prices in pence, which may be unavailable.
final class FakeCatalog: CatalogCalls {
    private let pence = Mutex<[String: Int64]>(["mug": 255, "pen": 10, "POST": 400])
    private let isUnavailable = Mutex(false)

    func set(_ sku: String, pence: Int64?) { self.pence.withLock { $0[sku] = pence } }
    func setUnavailable(_ unavailable: Bool) { isUnavailable.withLock { $0 = unavailable } }

    func quotePrices(_ request: QuotePricesRequest, context: CallContext) async throws -> QuotePricesResponse {
        guard !isUnavailable.withLock({ $0 }) else {
            throw Fault(.unavailable, .unavailable, "the catalogue is unavailable")
        }
        let pence = pence.withLock { $0 }
        return .with {
            $0.quotes = Set(request.skus).sorted().compactMap { sku in
                pence[sku].map { pence in
                    .with {
                        $0.sku = sku
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
