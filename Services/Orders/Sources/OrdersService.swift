import CartsContract
import CatalogContract
import InventoryContract
public import MartletContract
import MartletCore
import MartletEventSourcing
public import MartletHost
public import MartletSQL
public import MartletWorkflows
import OrdersContract
import PaymentsContract

/// The orders service: places orders and runs their checkouts and returns.
public struct OrdersService: ServiceBlueprint {
    public static let name = "orders"
    public static let migrations = OrderSchema.migrations + OrderAuditViews.migrations + EventStore.migrations

    let orders: OrderStore
    let inventory: any InventoryCalls
    let payments: any PaymentsCalls
    let handler: OrdersHandler

    public init(on platform: Platform) {
        orders = OrderStore(workflows: platform.workflows)
        inventory = InventoryClient(over: platform.channel(to: "inventory"))
        payments = PaymentsClient(over: platform.channel(to: "payments"))
        let pricing = Pricing(
            service: Self.name,
            carts: CartsClient(over: platform.channel(to: "carts")),
            catalog: CatalogClient(over: platform.channel(to: "catalog"))
        )
        handler = OrdersHandler(
            database: platform.database,
            orders: orders,
            pricing: pricing,
            time: platform.time,
            entropy: platform.entropy
        )
    }

    public var handlers: [ServedContract] { [.orders(handler)] }

    public var workflows: [RegisteredWorkflow] {
        [
            RegisteredWorkflow(Checkout(orders: orders, inventory: inventory, payments: payments)),
            RegisteredWorkflow(ReturnWorkflow(orders: orders, inventory: inventory, payments: payments)),
        ]
    }
}
