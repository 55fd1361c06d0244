import CartsContract
import CatalogContract
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
import SwiftProtobuf

@testable import Carts

/// The carts service with an in-memory SQLite database and a fake catalogue.
struct CartsFixture {
    let time = ManualTime()
    let database: SQLiteDatabase
    let service: CartsService
    let catalog = FakeCatalog()
    let client: CartsClient
    let anonymous = CallContext()

    init() async throws {
        let (time, runtime) = (time, Runtime(time: time, seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: CartsService.self))
        let services = LocalServices()
        services.add([.catalog(catalog, on: NoPlatform())])
        service = CartsService(
            on: Platform(
                service: CartsService.name,
                settings: try NoSettings.read(),
                database: database,
                bus: InMemoryBus(time: time),
                runtime: runtime,
                workflows: WorkflowEngine(service: CartsService.name, database: database, runtime: runtime),
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        services.add(service.handlers)
        client = CartsClient(over: LocalChannel(to: services, time: time))
    }

    func customer(_ id: ExactText) -> CallContext { CallContext(principal: Principal(user: id, scopes: [])) }

    func open(_ context: CallContext = CallContext()) async throws -> String {
        try await client.createGuestCart(CreateGuestCartRequest(), context: context).cartID
    }

    /// The cart of the signed-in customer.
    func get(_ context: CallContext) async throws -> Cart { try await get("me", context) }

    func get(_ cart: String, _ context: CallContext) async throws -> Cart {
        try await client.getCart(.with { $0.cartID = cart }, context: context).cart
    }

    @discardableResult
    func put(_ sku: String, _ quantity: UInt32, in cart: String = "me", by context: CallContext) async throws -> Cart {
        let request = PutLineRequest.with {
            $0.cartID = cart
            $0.sku = sku
            $0.quantity = quantity
        }
        return try await client.putLine(request, context: context).cart
    }

    @discardableResult
    func remove(_ sku: String, from cart: String = "me", _ context: CallContext) async throws -> Cart {
        let request = RemoveLineRequest.with {
            $0.cartID = cart
            $0.sku = sku
        }
        return try await client.removeLine(request, context: context).cart
    }

    /// Delivers the event of an order placed from a cart, as of a service that knows no versions of carts; the same order
    /// again is the same event again.
    @discardableResult
    func placed(_ order: String, cart: String, customer: String) async throws -> [InboxDecision] {
        let event = OrderChanged.with {
            $0.orderID = order
            $0.kind = .placed
            $0.customerID = customer
            $0.cartID = cart
        }
        return try await deliver(event, sequence: 1)
    }

    /// Delivers the events of an order of a version of alice's cart.
    ///
    /// - Parameters:
    ///   - kinds: After the first, which is that of the placed order.
    ///   - isSure: Whether the last event takes the units.
    func ordered(
        _ order: String,
        version: UInt64,
        cart: String = CartOwner.ownName.text,
        until kinds: OrderChanged.Kind...,
        isSure: Bool = false
    ) async throws {
        for (index, kind) in ([.placed] + kinds).enumerated() {
            let event = OrderChanged.with {
                $0.orderID = order
                $0.kind = kind
                $0.customerID = "alice"
                $0.cartID = cart
                $0.cartVersion = version
                $0.takesCart = isSure && index == kinds.count
            }
            try await deliver(event, sequence: Int64(index + 1))
        }
    }

    @discardableResult
    func deliver(_ body: OrderChanged, sequence: Int64) async throws -> [InboxDecision] {
        let outgoing = try MartletMessaging.OutgoingEvent(body, on: OrdersTopics.orders)
        let event = Envelope(
            id: "orders/1/\(body.orderID)/\(sequence)",
            source: "orders",
            epoch: 1,
            topic: outgoing.topic,
            key: outgoing.key,
            sequence: sequence,
            time: time.date,
            traceparent: nil,
            body: outgoing.body
        )
        var decisions: [InboxDecision] = []
        for subscription in service.subscriptions {
            decisions.append(try await subscription.deliver(event, on: database))
        }
        return decisions
    }

    func published() async throws -> [CartChanged] {
        let messages = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try messages.map { try CartsTopics.carts.decode($0.body) }
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
