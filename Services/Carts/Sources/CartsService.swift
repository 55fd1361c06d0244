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

    let handler: CartsHandler

    public init(on platform: Platform) {
        handler = CartsHandler(
            service: Self.name,
            database: platform.database,
            catalog: CatalogClient(over: platform.channel(to: "catalog")),
            time: platform.time,
            entropy: platform.entropy
        )
    }

    public var handlers: [ServedContract] { [.carts(handler)] }

    public var subscriptions: [Subscription] {
        [
            .on(OrdersTopics.orders, group: Self.name) { [store = handler.store] order, tx in
                guard order.kind == .placed, !order.cartID.isEmpty else { return }
                let owner: CartOwner =
                    order.cartID == CartOwner.ownName ? .customer(order.customerID) : .guest(order.cartID)
                try store.empty(owner.cartID, orderID: order.orderID, in: tx)
            }
        ]
    }

    public var jobs: [Job] {
        [
            Job("forget carts", every: .seconds(3600)) { [handler] in
                for _ in 0..<CartStore.purgeBatches {
                    let deleted = try await handler.database.transaction("forget carts") { tx in
                        try handler.store.purge(in: tx)
                    }
                    if deleted < CartStore.purgeBatch { return }
                }
            }
        ]
    }
}
