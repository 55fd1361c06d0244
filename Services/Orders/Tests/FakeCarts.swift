import CartsContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Synchronization

/// A fake carts service with fixed contents: `me` has two mugs and a pen, `mixed` a mug and a yen, `empty` nothing.
///
/// Other carts do not exist.
final class FakeCarts: CartsHandling {
    private let revision = Mutex(1)
    private let versions = Mutex<(present: UInt64, oldest: UInt64)>((0, 0))
    private let interruption = Mutex<(@Sendable () async throws -> Void)?>(nil)

    /// Makes the next request run `action` and find an empty cart.
    func empty(after action: @escaping @Sendable () async throws -> Void) { interruption.withLock { $0 = action } }

    /// Gives every cart another revision, as after a change.
    func changeRevisions() { revision.withLock { $0 += 1 } }

    /// Gives every cart a version, and one of its oldest units; carts have none before.
    func setVersion(_ version: UInt64, oldest: UInt64) { versions.withLock { $0 = (version, oldest) } }

    func getCart(_ request: GetCartRequest, _ call: Call) async throws -> GetCartResponse {
        let lines: [(String, UInt32)]
        let action = interruption.withLock { interruption in
            defer { interruption = nil }
            return interruption
        }
        try await action?()
        switch request.cartID {
        case _ where action != nil: lines = []
        case "me" where !call.principal.subject.isEmpty: lines = [("mug", 2), ("pen", 1)]
        case "empty": lines = []
        case "mixed": lines = [("mug", 1), ("yen", 1)]
        default: throw Fault(.notFound, "carts.unknown_cart", "there is no such cart")
        }
        return .with {
            $0.cart.cartID = request.cartID
            $0.cart.linesRevision = "\(call.principal.subject)/\(revision.withLock { $0 })"
            $0.cart.revision = $0.cart.linesRevision + "/shown"
            $0.cart.version = versions.withLock { $0.present }
            $0.cart.oldestVersion = versions.withLock { $0.oldest }
            $0.cart.lines = lines.map { sku, quantity in
                .with {
                    $0.sku = sku
                    $0.quantity = quantity
                    // The catalogue's first price.
                    $0.unitPrice = UnitPrice(
                        Amount(nanos: sku == "mug" ? 2_550_000_000 : 100_000_000),
                        currency: sku == "yen" ? "JPY" : "GBP"
                    )
                }
            }
        }
    }

    private func notCalled() -> Fault { Fault(.unimplemented, .internal, "not called by orders") }

    func createGuestCart(_: CreateGuestCartRequest, _ call: Call) async throws -> CreateGuestCartResponse {
        throw notCalled()
    }
    func putLine(_: PutLineRequest, _ call: Call) async throws -> PutLineResponse { throw notCalled() }
    func removeLine(_: RemoveLineRequest, _ call: Call) async throws -> RemoveLineResponse { throw notCalled() }
}
