import CatalogContract
import Foundation
import InventoryContract
import MartletContract
import MartletCore
import MartletTesting
import PaymentsContract
import SharedContract
import SimulatedCluster
import SwiftProtobuf

/// Calls that no contract admits: by services that have no business with the callee, and with words for power in a token.
///
/// They are made when everything else has ended, so that they change nothing of the run before.
struct DeniedCalls: Sendable {
    private static let callTimeout = Duration.seconds(3)
    private static let retryInterval = Duration.milliseconds(100)
    private static let attemptsMax = 100

    private struct Attempt: Sendable {
        let what: String
        let principal: Principal
        let call: @Sendable (CallContext) async throws -> Void
    }

    private let world: ShopWorld
    private let catalog: CatalogClient
    private let inventory: InventoryClient
    private let payments: PaymentsClient

    init(in world: ShopWorld) {
        self.world = world
        catalog = CatalogClient(over: world.network.channel(from: world.outside, to: "catalog"))
        inventory = InventoryClient(over: world.network.channel(from: world.outside, to: "inventory"))
        payments = PaymentsClient(over: world.network.channel(from: world.outside, to: "payments"))
    }

    /// The calls that were admitted.
    func violations() async throws -> [Violation] {
        var found: [Violation] = []
        for attempt in attempts where try await isAdmitted(attempt) {
            found.append(Violation(.powerNotGiven, "\(attempt.what) was admitted"))
        }
        return found
    }

    private var attempts: [Attempt] {
        let refund = RefundRequest.with {
            $0.paymentID = "none"
            $0.refundID = "denied"
            $0.amount = Money(1, currency: "GBP")
        }
        let product = PutProductRequest.with {
            $0.sku = "denied"
            $0.name = "denied"
        }
        let (catalog, inventory, payments) = (catalog, inventory, payments)
        return [
            Attempt(
                what: "a refund by a user with the scope service",
                principal: Principal(user: "eve", scopes: ["service", "orders"]),
                call: { _ = try await payments.refund(refund, context: $0) }
            ),
            Attempt(
                what: "a refund by another service than orders",
                principal: Principal(service: "provider", for: .user("ann")),
                call: { _ = try await payments.refund(refund, context: $0) }
            ),
            Attempt(
                what: "a refund that orders asks for itself",
                principal: Principal(service: "orders", for: .itself),
                call: { _ = try await payments.refund(refund, context: $0) }
            ),
            Attempt(
                what: "a release by a service that has no business with stock",
                principal: Principal(service: "provider", for: .user("ann")),
                call: { _ = try await inventory.release(.with { $0.reservationID = "denied" }, context: $0) }
            ),
            Attempt(
                what: "a change of the catalogue by carts for a user",
                principal: Principal(service: "carts", for: .user("merchant")),
                call: { _ = try await catalog.putProduct(product, context: $0) }
            ),
        ]
    }

    private func isAdmitted(_ attempt: Attempt) async throws -> Bool {
        for _ in 0..<Self.attemptsMax {
            let context = CallContext(deadline: world.time.now + Self.callTimeout, principal: attempt.principal)
            do {
                try await attempt.call(context)
                return true
            } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                if fault.code == .permissionDenied { return false }
                // Any other refusal is the handler's, which was reached.
                if fault.code.outcome == .refused { return true }
                try await world.time.sleep(for: Self.retryInterval)
            }
        }
        return false
    }
}
