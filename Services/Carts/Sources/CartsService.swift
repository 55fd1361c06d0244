import CartsContract
import CatalogContract
public import MartletContract
import MartletCore
public import MartletHost
public import MartletOutbox
public import MartletSQL
import OrdersContract

/// The carts service: carts of signed-in customers and of guests.
public struct CartsService: ServiceBlueprint {
    public static let name = "carts"
    public static let migrations = CartStore.migrations + CartAuditViews.migrations

    public static let retentions = CartStore.retentions

    let platform: Platform
    let handler: CartsHandler

    public init(on platform: Platform) {
        self.platform = platform
        handler = CartsHandler(
            catalog: CatalogClient(on: platform),
            runtime: platform.runtime
        )
    }

    public var handlers: [ServedContract] { [.carts(handler, on: platform)] }

    public var subscriptions: [Subscription] {
        [
            .on(OrdersTopics.orders, group: Self.name) { [store = handler.store] order, tx in
                guard let version = order.takenVersion else { return }
                try store.take(version: version, of: CartOwner(of: order), orderID: order.orderID, in: tx)
            }
        ]
    }

    public var jobs: [Job] {
        [
            Job("forget carts", every: .seconds(3600), batchesOf: CartStore.purgeBatch) { [store = handler.store] tx in
                try store.purge(in: tx)
            }
        ]
    }
}
