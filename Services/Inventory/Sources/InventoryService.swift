import InventoryContract
public import MartletContract
import MartletCore
public import MartletHost
public import MartletOutbox
public import MartletSQL
import OrdersContract

/// The inventory service: stock levels, reservations, deliveries and corrections.
public struct InventoryService: ServiceBlueprint {
    public static let name = "inventory"
    public static let migrations = StockSchema.migrations + StockAuditViews.migrations

    /// How many expired reservations one transaction closes.
    static let expiryBatch = 100
    /// How many such transactions one run has at most.
    static let expiryBatches = 100

    let database: any SQLDatabase
    let stock = StockStore()

    public init(on platform: Platform) { database = platform.database }

    public var handlers: [ServedContract] { [.inventory(InventoryHandler(database: database, stock: stock))] }

    public var subscriptions: [Subscription] {
        [
            // The checkout releases its reservation itself; this covers checkouts of older versions.
            .on(OrdersTopics.orders, group: Self.name) { [stock] order, tx in
                guard order.kind == .cancelled || order.kind == .rejected, !order.reservationID.isEmpty else { return }
                try stock.change(order.reservationID, in: tx) { $0.release() }
            }
        ]
    }

    public var jobs: [Job] {
        [
            Job("expire reservations", every: .seconds(5)) { [database, stock] in
                for _ in 0..<Self.expiryBatches {
                    let expired = try await database.transaction("expire reservations") { tx in
                        let due = try stock.due(limit: Self.expiryBatch, in: tx)
                        for id in due { try stock.change(id, in: tx) { $0.expire() } }
                        return due.count
                    }
                    if expired < Self.expiryBatch { return }
                }
            }
        ]
    }
}
