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

/// Carts with their real tables in memory, beside a catalogue that knows prices.
struct CartsWorld {
    let time = ManualTime()
    let database: SQLiteDatabase
    let service: CartsService
    let catalog = ShelfPrices()
    let client: CartsClient
    let nobody = CallContext()

    init() async throws {
        let (time, entropy) = (time, SeededEntropy(seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: CartsService.self))
        let services = LocalServices()
        services.add([.catalog(catalog)])
        service = CartsService(
            on: Platform(
                service: CartsService.name,
                database: database,
                bus: InMemoryBus(time: time),
                time: time,
                entropy: entropy,
                workflows: WorkflowEngine(service: CartsService.name, database: database, time: time, entropy: entropy),
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        services.add(service.handlers)
        client = CartsClient(over: LocalChannel(to: services, time: time))
    }

    func customer(_ id: String) -> CallContext { CallContext(principal: Principal(kind: .user, id: id, scopes: [])) }

    func open(_ context: CallContext = CallContext()) async throws -> String {
        try await client.createGuestCart(CreateGuestCartRequest(), context: context).cartID
    }

    /// The cart of whoever is signed in.
    func get(_ context: CallContext) async throws -> Cart { try await get("me", context) }

    func get(_ cart: String, _ context: CallContext) async throws -> Cart {
        try await client.getCart(.with { $0.cartID = cart }, context: context).cart
    }

    @discardableResult
    func put(_ sku: String, _ quantity: UInt32, in cart: String = "me", _ context: CallContext) async throws -> Cart {
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

    /// Tells that an order was placed from a cart; the same order again is the same event again.
    @discardableResult
    func placed(_ order: String, cart: String, customer: String) async throws -> [InboxVerdict] {
        let body = OrderChanged.with {
            $0.orderID = order
            $0.kind = .placed
            $0.customerID = customer
            $0.cartID = cart
        }
        let message = try MartletMessaging.Message(body, on: OrdersTopics.orders)
        let event = Envelope(
            id: "orders/1/\(order)/1",
            source: "orders",
            epoch: 1,
            topic: message.topic,
            key: message.key,
            sequence: 1,
            time: time.date,
            traceparent: nil,
            body: message.body
        )
        var verdicts: [InboxVerdict] = []
        for subscription in service.subscriptions {
            verdicts.append(try await subscription.deliver(event, on: database))
        }
        return verdicts
    }

    func published() async throws -> [CartChanged] {
        let messages = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try messages.map { try CartsTopics.carts.decode($0.body) }
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
