import CartsContract
import MartletContract
import MartletCore
import SwiftProtobuf
import Synchronization

/// A fake carts service with fixed contents: `me` has two mugs and a pen, `mixed` a mug and a yen, `empty` nothing.
///
/// Other carts do not exist.
final class FakeCarts: CartsHandling {
    private let revision = Mutex(1)
    private let interruption = Mutex<(@Sendable () async throws -> Void)?>(nil)

    /// Makes the next request run `action` and find an empty cart.
    func empty(after action: @escaping @Sendable () async throws -> Void) { interruption.withLock { $0 = action } }

    /// Gives every cart another revision, as after a change.
    func changeRevisions() { revision.withLock { $0 += 1 } }

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
            $0.cart.revision = "\(call.principal.subject)/\(revision.withLock { $0 })"
            $0.cart.lines = lines.map { sku, quantity in
                .with {
                    $0.sku = sku
                    $0.quantity = quantity
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
