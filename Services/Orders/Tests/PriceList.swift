import CartsContract
import CatalogContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A catalogue that only knows prices, in pence, and may be away.
final class PriceList: CatalogCalls {
    private let pence = Mutex<[String: Int64]>(["mug": 255, "pen": 10, "POST": 400])
    private let isAway = Mutex(false)

    func set(_ sku: String, pence: Int64?) { self.pence.withLock { $0[sku] = pence } }
    func setAway(_ away: Bool) { isAway.withLock { $0 = away } }

    func quotePrices(_ request: QuotePricesRequest, context: CallContext) async throws -> QuotePricesResponse {
        guard !isAway.withLock({ $0 }) else { throw Fault(.unavailable, .unavailable, "the catalogue is away") }
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

    private func never() -> Fault { Fault(.unimplemented, .internal, "orders never ask this") }

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

/// Carts with fixed contents: everybody's own holds two mugs and a pen, `mixed` a mug and a yen, `empty` nothing; others do not
/// exist.
final class Baskets: CartsCalls {
    private let stamp = Mutex(1)
    private let interruption = Mutex<(@Sendable () async throws -> Void)?>(nil)

    /// Lets the next look find an empty cart, after `action`.
    func empty(after action: @escaping @Sendable () async throws -> Void) { interruption.withLock { $0 = action } }

    /// Gives every cart another revision, as if something had been put into it.
    func stir() { stamp.withLock { $0 += 1 } }

    func getCart(_ request: GetCartRequest, context: CallContext) async throws -> GetCartResponse {
        let lines: [(String, UInt32)]
        let action = interruption.withLock { interruption in
            defer { interruption = nil }
            return interruption
        }
        try await action?()
        switch request.cartID {
        case _ where action != nil: lines = []
        case "me" where !context.principal.subject.isEmpty: lines = [("mug", 2), ("pen", 1)]
        case "empty": lines = []
        case "mixed": lines = [("mug", 1), ("yen", 1)]
        default: throw Fault(.notFound, "carts.unknown_cart", "there is no such cart")
        }
        return .with {
            $0.cart.cartID = request.cartID
            $0.cart.revision = "\(context.principal.subject)/\(stamp.withLock { $0 })"
            $0.cart.lines = lines.map { sku, quantity in
                .with {
                    $0.sku = sku
                    $0.quantity = quantity
                }
            }
        }
    }

    private func never() -> Fault { Fault(.unimplemented, .internal, "orders never ask this") }

    func createGuestCart(_: CreateGuestCartRequest, context: CallContext) async throws -> CreateGuestCartResponse {
        throw never()
    }
    func putLine(_: PutLineRequest, context: CallContext) async throws -> PutLineResponse { throw never() }
    func removeLine(_: RemoveLineRequest, context: CallContext) async throws -> RemoveLineResponse { throw never() }
}
