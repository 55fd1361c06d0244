import CartsContract
import CatalogContract
import InventoryContract
import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import MartletWorkflows
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf

@testable import Orders

/// Orders with their real tables in memory, beside doubles of their neighbours.
struct OrdersWorld {
    let time = ManualTime()
    let database: SQLiteDatabase
    let engine: WorkflowEngine
    let service: OrdersService
    let client: OrdersClient
    let stock = StockRoom()
    let desk = CashDesk()
    let prices = PriceList()
    let baskets = Baskets()

    let alice = Self.user("alice")
    let bob = Self.user("bob")
    let merchant = Self.user("merchant", "orders:agreed-price")

    init(limits: WorkflowLimits = .impatient) async throws {
        let (time, entropy) = (time, SeededEntropy(seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
        engine = WorkflowEngine(
            service: OrdersService.name,
            database: database,
            time: time,
            entropy: entropy,
            limits: limits
        )
        let services = LocalServices()
        services.add([.inventory(stock), .payments(desk), .catalog(prices), .carts(baskets)])
        service = OrdersService(
            on: Platform(
                service: OrdersService.name,
                database: database,
                bus: InMemoryBus(time: time),
                time: time,
                entropy: entropy,
                workflows: engine,
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        engine.register(service.workflows)
        services.add(service.handlers)
        client = OrdersClient(over: LocalChannel(to: services, time: time))
    }

    static func user(_ id: String, _ scopes: String...) -> CallContext {
        CallContext(
            principal: Principal(kind: .user, id: id, scopes: Set(["orders:write", "orders:read"] + scopes))
        )
    }

    // MARK: What a customer does

    @discardableResult
    func place(
        _ lines: KeyValuePairs<String, UInt32> = ["mug": 2],
        cart: String = "",
        method: String = "pm_test_ok",
        key: String? = nil,
        by context: CallContext? = nil
    ) async throws -> OrdersContract.Order {
        let request = PlaceOrderRequest.with {
            $0.cartID = cart
            $0.paymentMethod = method
            $0.lines = lines.map { line in
                .with {
                    $0.sku = line.key
                    $0.quantity = line.value
                }
            }
        }
        var context = context ?? alice
        context.idempotencyKey = key
        return try await client.placeOrder(request, context: context).order
    }

    /// Places an order and runs its checkout to the end.
    func completed(_ lines: KeyValuePairs<String, UInt32> = ["mug": 2]) async throws -> String {
        let id = try await place(lines).orderID
        try await settle()
        return id
    }

    func settle() async throws { try await engine.runUntilIdle() }

    @discardableResult
    func cancel(_ id: String, by context: CallContext? = nil) async throws -> OrderStatus {
        let request = CancelOrderRequest.with {
            $0.orderID = id
            $0.reason = "changed my mind"
        }
        return try await client.cancelOrder(request, context: context ?? alice).status
    }

    @discardableResult
    func giveBack(
        _ id: String,
        _ name: String,
        _ lines: KeyValuePairs<String, UInt32>,
        by context: CallContext? = nil
    ) async throws -> Int64 {
        let request = ReturnOrderRequest.with {
            $0.orderID = id
            $0.returnID = name
            $0.lines = lines.map { line in
                .with {
                    $0.sku = line.key
                    $0.quantity = line.value
                }
            }
        }
        return try await client.returnOrder(request, context: context ?? alice).refund.minorUnits
    }

    func order(_ id: String, by context: CallContext? = nil) async throws -> OrdersContract.Order {
        try await client.getOrder(.with { $0.orderID = id }, context: context ?? alice).order
    }

    func timeline(_ id: String, by context: CallContext? = nil) async throws -> [String] {
        try await client.getTimeline(.with { $0.orderID = id }, context: context ?? alice).entries.map(\.event)
    }

    func summary() async throws -> GetSummaryResponse {
        try await client.getSummary(GetSummaryRequest(), context: merchant)
    }

    // MARK: What an operator sees

    /// Runs that did not complete.
    func unfinished() async throws -> [WorkflowRun] {
        try await engine.operations.list().filter { $0.state != .completed }
    }

    func told(_ id: String) async throws -> [OrderChanged.Kind] {
        let messages = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try messages.map { try OrdersTopics.orders.decode($0.body) }.filter { $0.orderID == id }.map(\.kind)
    }

    func headlines() async throws -> [SQLRow] {
        try await database.read { tx in try tx.run("SELECT * FROM order_headlines ORDER BY order_id") }
    }
}

extension WorkflowLimits {
    /// Repeats at once, since a test's clock stands still.
    static var impatient: WorkflowLimits {
        var limits = WorkflowLimits()
        limits.pauseMin = .zero
        return limits
    }

    /// Gives a run back after the first failed attempt, so that only the journal knows of it while a test's clock goes on.
    static var unhurried: WorkflowLimits {
        var limits = WorkflowLimits()
        limits.pauseMin = limits.pauseMax
        return limits
    }
}

/// The fault with which `body` is refused; `nil` when it is not.
func refusal<R>(_ body: () async throws -> R) async -> Fault? {
    do {
        _ = try await body()
        return nil
    } catch {
        return Fault(describing: error)
    }
}
