import CatalogContract
import InventoryContract
import MartletContract
import MartletCore
import MartletSimulation
import SharedContract
import SwiftProtobuf

/// The merchant, who sets the shop up before customers arrive.
struct Merchant: Sendable {
    /// The deadline of one call.
    private static let callTimeout = Duration.seconds(10)
    private static let retryInterval = Duration.milliseconds(100)

    let world: ShopWorld
    let observations: ClientObservations

    /// Imports the catalogue and the opening stock of a workload.
    func open(_ workload: Workload) async throws {
        let products = products(of: workload)
        let catalog = CatalogClient(over: world.network.channel(from: world.outside, to: "catalog"))
        let inventory = InventoryClient(over: world.network.channel(from: world.outside, to: "inventory"))
        try await untilDone {
            _ = try await catalog.importProducts(.with { $0.products = products }, context: context("import"))
        }
        let delivery = ReceiveRequest.with {
            $0.deliveryID = "opening"
            $0.kind = .purchase
            $0.lines = workload.openingStock.sorted { $0.key < $1.key }.map { sku, units in
                .with {
                    $0.sku = sku
                    $0.quantity = UInt32(units)
                }
            }
        }
        try await untilDone { _ = try await inventory.receive(delivery, context: context("opening")) }
        try await deliverOther(than: delivery, to: inventory)
    }

    /// Sends another delivery under the id of the first, which must be refused.
    ///
    /// It has one line instead of two, and a name that reads like both: `mug=5,jug` for 5 mugs and some jugs.
    private func deliverOther(than delivery: ReceiveRequest, to inventory: InventoryClient) async throws {
        guard delivery.lines.count > 1 else { return }
        let (first, second) = (delivery.lines[0], delivery.lines[1])
        let joined = DeliveredLine.with {
            $0.sku = "\(first.sku)=\(first.quantity),\(second.sku)"
            $0.quantity = second.quantity
        }
        var other = delivery
        other.lines = [joined] + delivery.lines.dropFirst(2)
        while true {
            do {
                _ = try await inventory.receive(other, context: context("other"))
                return observations.record(
                    Violation(.effectTwice, "one id was acknowledged for two deliveries", of: delivery.deliveryID)
                )
            } catch {
                try Task.checkCancellation()
                if Fault(describing: error).reason == "inventory.movement_mismatch" { return }
                try await world.time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func products(of workload: Workload) -> [ImportedProduct] {
        let since = Google_Protobuf_Timestamp(world.time.date - .seconds(86_400))
        let raise = Google_Protobuf_Timestamp(world.time.date + workload.raiseDelay)
        return workload.prices.sorted { $0.key < $1.key }.enumerated().map { index, product in
            let (sku, pence) = product
            return ImportedProduct.with {
                $0.sku = sku
                $0.name = "A \(sku)"
                // Absent means the same.
                if index.isMultiple(of: 2) { $0.stocked = true }
                $0.prices = [price(pence, from: since)]
                if let raised = workload.raisedPrices[sku] { $0.prices.append(price(raised, from: raise)) }
            }
        }
    }

    private func price(_ pence: Int64, from effective: Google_Protobuf_Timestamp) -> Price {
        .with {
            $0.unitPrice = UnitPrice(Amount(nanos: Int128(pence) * 10_000_000), currency: "GBP")
            $0.effectiveFrom = effective
        }
    }

    private func untilDone(_ action: () async throws -> Void) async throws {
        while true {
            do { return try await action() } catch {
                try Task.checkCancellation()
                try await world.time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func context(_ key: String) -> CallContext {
        CallContext(
            deadline: world.time.now + Self.callTimeout,
            principal: Principal(user: "merchant", scopes: ["catalog:write", "inventory:read", "inventory:write"]),
            idempotencyKey: key
        )
    }
}
