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

    public static let retentions = OrderSchema.retentions + EventStore.retentions

    let platform: Platform
    let orders: OrderStore
    let inventory: any InventoryCalls
    let payments: any PaymentsCalls
    let handler: OrdersHandler

    public init(on platform: Platform) {
        self.platform = platform
        orders = OrderStore(workflows: platform.workflows)
        inventory = InventoryClient(on: platform)
        payments = PaymentsClient(on: platform)
        let pricing = Pricing(
            carts: CartsClient(on: platform),
            catalog: CatalogClient(on: platform)
        )
        handler = OrdersHandler(
            orders: orders,
            pricing: pricing,
            runtime: platform.runtime
        )
    }

    public var handlers: [ServedContract] { [.orders(handler, on: platform)] }

    public var jobs: [Job] {
        [
            Job("forget texts", every: .seconds(3_600), batchesOf: CustomerTexts.purgeBatch) { tx in
                try CustomerTexts.purge(in: tx)
            }
        ]
    }

    public var workflows: [RegisteredWorkflow] {
        [
            RegisteredWorkflow(Checkout(orders: orders, inventory: inventory, payments: payments)),
            RegisteredWorkflow(ReturnWorkflow(orders: orders, inventory: inventory, payments: payments)),
        ]
    }
}
