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

    public static let retentions = StockSchema.retentions

    /// How many expired reservations one transaction closes.
    static let expiryBatch = 100

    let platform: Platform
    let stock = StockStore()

    public init(on platform: Platform) { self.platform = platform }

    public var handlers: [ServedContract] { [.inventory(InventoryHandler(stock: stock), on: platform)] }

    public var subscriptions: [Subscription] {
        [
            // The checkout releases its reservation itself; this covers checkouts of older versions.
            .on(
                OrdersTopics.orders,
                group: Self.name,
                locking: { [stock] order, tx in
                    Self.ends(order) ? try stock.lockNames(ofReservation: order.reservationID, in: tx) : []
                },
                handler: { [stock] order, tx in
                    guard Self.ends(order) else { return }
                    try stock.change(order.reservationID, in: tx) { $0.release() }
                }
            )
        ]
    }

    public var jobs: [Job] {
        [
            Job(
                "expire reservations",
                every: .seconds(5),
                batchesOf: Self.expiryBatch,
                locking: { [stock] tx in try stock.lockNames(ofDue: Self.expiryBatch, in: tx) },
                { [stock] tx in
                    let due = try stock.due(limit: Self.expiryBatch, in: tx)
                    for id in due { try stock.change(id, in: tx) { $0.expire() } }
                    return due.count
                }
            )
        ]
    }

    /// Whether an order has ended without a sale, and had a reservation.
    private static func ends(_ order: OrderChanged) -> Bool {
        (order.kind == .cancelled || order.kind == .rejected) && !order.reservationID.isEmpty
    }
}
