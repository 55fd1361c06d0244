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

/// The orders service with an in-memory SQLite database and fakes of the services that it calls.
struct OrdersFixture {
    let time = ManualTime()
    let database: SQLiteDatabase
    let engine: WorkflowEngine
    let service: OrdersService
    let client: OrdersClient
    let inventory = FakeInventory()
    let payments = FakePayments()
    let catalog = FakeCatalog()
    let carts = FakeCarts()

    let alice = Self.user("alice")
    let bob = Self.user("bob")
    let merchant = Self.user("merchant", "orders:agreed-price")

    init(limits: WorkflowLimits = .immediateRetries) async throws {
        let (time, runtime) = (time, Runtime(time: time, seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
        engine = WorkflowEngine(
            service: OrdersService.name,
            database: database,
            runtime: runtime,
            limits: limits
        )
        let services = LocalServices()
        services.add([
            .inventory(inventory, on: NoPlatform()), .payments(payments, on: NoPlatform()),
            .catalog(catalog, on: NoPlatform()), .carts(carts, on: NoPlatform()),
        ])
        service = OrdersService(
            on: Platform(
                service: OrdersService.name,
                settings: try NoSettings.read(),
                database: database,
                bus: InMemoryBus(time: time),
                runtime: runtime,
                workflows: engine,
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        engine.register(service.workflows)
        services.add(service.handlers)
        client = OrdersClient(over: LocalChannel(to: services, time: time))
    }

    static func user(_ id: ExactText, _ scopes: ExactText...) -> CallContext {
        CallContext(
            principal: Principal(user: id, scopes: Set(["orders:write", "orders:read"] + scopes))
        )
    }

    // MARK: Customer calls

    @discardableResult
    func place(
        _ lines: KeyValuePairs<String, UInt32> = ["mug": 2],
        cart: String = "",
        expecting total: Money? = nil,
        revision: String = "",
        method: String = "pm_test_ok",
        key: String? = nil,
        by context: CallContext? = nil
    ) async throws -> OrdersContract.Order {
        let request = PlaceOrderRequest.with {
            $0.cartID = cart
            $0.paymentMethod = method
            $0.expectedRevision = revision
            if let total { $0.expectedTotal = total }
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
        try await runUntilIdle()
        return id
    }

    func runUntilIdle() async throws { try await engine.runUntilIdle() }

    @discardableResult
    func cancel(_ id: String, by context: CallContext? = nil) async throws -> OrderStatus {
        let request = CancelOrderRequest.with {
            $0.orderID = id
            $0.reason = "changed my mind"
        }
        return try await client.cancelOrder(request, context: context ?? alice).status
    }

    @discardableResult
    func returnUnits(
        of id: String,
        as name: String,
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

    // MARK: Inspection

    /// Runs that are not completed.
    func unfinished() async throws -> [WorkflowRun] {
        try await engine.operations.list().filter { $0.state != .completed }
    }

    /// The published events of an order, oldest first.
    func published(_ id: String) async throws -> [OrderChanged] {
        let messages = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try messages.map { try OrdersTopics.orders.decode($0.body) }.filter { $0.orderID == id }
    }

    func publishedKinds(_ id: String) async throws -> [OrderChanged.Kind] {
        try await published(id).map(\.kind)
    }

    func summaryRows() async throws -> [SQLRow] {
        try await database.read { tx in try tx.run("SELECT * FROM order_headlines ORDER BY order_id") }
    }
}

extension WorkflowLimits {
    /// Retries immediately, since a test's clock does not advance.
    static var immediateRetries: WorkflowLimits {
        var limits = WorkflowLimits()
        limits.retryDelayMin = .zero
        return limits
    }

    /// Suspends a run after its first failed attempt; it resumes from the journal when a test advances the clock.
    static var delayedRetries: WorkflowLimits {
        var limits = WorkflowLimits()
        limits.retryDelayMin = limits.retryDelayMax
        return limits
    }
}

/// The fault that `body` throws; `nil` when it succeeds.
func refusal<R>(_ body: () async throws -> R) async -> Fault? {
    do {
        _ = try await body()
        return nil
    } catch {
        return Fault(describing: error)
    }
}
