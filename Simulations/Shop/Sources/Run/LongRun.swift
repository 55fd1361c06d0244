import CartsContract
import MartletContract
import MartletCore
import MartletEventLog
import MartletMessaging
import MartletSQL
import MartletSimulation
import MartletTesting
import OrdersContract
import SharedContract
import SimulatedCluster
import SwiftProtobuf

/// Many days of a shop without faults: each day some customers order, and nothing runs for the rest of the day.
///
/// It shows how much each table grows, and that expired rows are purged.
struct LongRun: Sendable {
    private static let day = Duration.seconds(24 * 3_600)
    /// After which every job that deletes rows has run, at the end of a day.
    private static let purgeDelay = Duration.seconds(65)
    private static let callTimeout = Duration.seconds(10)
    private static let retryInterval = Duration.milliseconds(200)
    private static let pollInterval = Duration.seconds(1)
    /// The shortest time between two customers, in milliseconds.
    private static let arrivalInterval = 200
    /// Of a SKU: more than all customers order.
    static let stock = 100_000

    let world: ShopWorld
    let days: Int
    let ordersPerDay: Int
    private let orders: OrdersClient
    private let carts: CartsClient

    init(_ world: ShopWorld, days: Int, ordersPerDay: Int) {
        self.world = world
        self.days = days
        self.ordersPerDay = ordersPerDay
        orders = OrdersClient(over: world.network.channel(from: world.outside, to: "orders"))
        carts = CartsClient(over: world.network.channel(from: world.outside, to: "carts"))
    }

    func run(_ workload: Workload) async throws -> [TableSize] {
        world.cluster.startAll()
        try await Merchant(world: world, observations: ClientObservations()).open(workload)
        for day in 0..<days {
            let begin = world.time.now
            let placed = try await placeOrders(of: day)
            try await settle()
            if day == 0 { try await abandonGroup() }
            // One of ten is returned.
            for order in placed where order.index % 10 == 0 { try await sendBack(order.id, order.customer) }
            try await settle()
            try await rest(since: begin)
        }
        return try await TableSize.all(in: world.stores)
    }

    /// Skips the rest of a day that began at `begin`; the services purge afterwards.
    private func rest(since begin: Moment) async throws {
        let left = Self.day - Self.purgeDelay - (world.time.now - begin)
        if left > .zero {
            let paused = world.cluster.pauseAll()
            world.skippedTime.skip(by: left)
            for machine in paused { machine.resume() }
        }
        try await world.time.sleep(for: Self.purgeDelay)
    }

    /// A consumer group that joins once and never returns: it does not keep the events of the log permanently.
    private func abandonGroup() async throws {
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: Deployment.eventLogName))
        // Of a service that subscribes to the topic, under a name of its own.
        let caller = Principal(service: "carts", for: .itself)
        let declaration = DeclareRequest.with {
            $0.topics = [.with { $0.topic = OrdersTopics.orders.name }]
            $0.groups = [
                .with {
                    $0.topic = OrdersTopics.orders.name
                    $0.group = "gone"
                }
            ]
        }
        _ = try await retry { try await log.declare(declaration, context: context(caller)) }
        let join = JoinRequest.with {
            $0.topic = OrdersTopics.orders.name
            $0.group = "gone"
            $0.start = .earliest
            $0.window = 1
        }
        // The membership ends with the stream.
        _ = try await retry { try await log.join(join, context: context(caller)).pull() }
    }

    // MARK: Customers

    private struct Placed: Sendable {
        let index: Int
        let id: String
        let customer: ExactText
    }

    private func placeOrders(of day: Int) async throws -> [Placed] {
        try await withThrowingTaskGroup(of: Placed.self) { group in
            for index in 0..<ordersPerDay {
                group.addTask {
                    try await world.time.sleep(for: .milliseconds(Int64(index * Self.arrivalInterval)))
                    let customer = ExactText("customer-\(day)-\(index)")
                    if index % 2 == 0 { try await browse() }
                    return Placed(index: index, id: try await order(index, by: customer), customer: customer)
                }
            }
            var placed: [Placed] = []
            for try await one in group { placed.append(one) }
            return placed.sorted { $0.index < $1.index }
        }
    }

    /// A guest, who orders nothing.
    private func browse() async throws {
        let cart = try await retry { try await carts.createGuestCart(.init(), context: context(.anonymous)).cartID }
        let line = PutLineRequest.with {
            $0.cartID = cart
            $0.sku = Workload.skus[0]
            $0.quantity = 1
        }
        _ = try await retry { try await carts.putLine(line, context: context(.anonymous)) }
    }

    private func order(_ index: Int, by customer: ExactText) async throws -> String {
        let principal = Principal(user: customer, scopes: ["orders:read", "orders:write"])
        let line = PutLineRequest.with {
            $0.cartID = "me"
            $0.sku = Workload.skus[index % Workload.skus.count]
            $0.quantity = 1
        }
        let cart = try await retry { try await carts.putLine(line, context: context(principal)).cart }
        let request = PlaceOrderRequest.with {
            $0.cartID = "me"
            $0.paymentMethod = "pm_test_ok"
            $0.expectedTotal = cart.total
            $0.expectedRevision = cart.revision
        }
        return try await retry {
            try await orders.placeOrder(request, context: context(principal, key: "order")).order.orderID
        }
    }

    private func sendBack(_ order: String, _ customer: ExactText) async throws {
        let principal = Principal(user: customer, scopes: ["orders:read", "orders:write"])
        let request = ReturnOrderRequest.with {
            $0.orderID = order
            $0.returnID = "return"
            $0.lines = [
                .with {
                    $0.line = 1
                    $0.quantity = 1
                }
            ]
        }
        _ = try await retry { try await orders.returnOrder(request, context: context(principal, key: "return")) }
    }

    // MARK: Waiting

    /// Waits until every event is published and every run has ended.
    private func settle() async throws {
        while try await isBusy() { try await world.time.sleep(for: Self.pollInterval) }
    }

    private func isBusy() async throws -> Bool {
        for name in world.stores.names where name != Deployment.eventLogName {
            guard let store = world.stores[name] else { continue }
            let open = try await store.inspect { tx in
                try tx.run(
                    """
                    SELECT (SELECT COUNT(*) FROM audit_outbox WHERE sent_at IS NULL)
                        + (SELECT COUNT(*) FROM audit_workflow_runs WHERE state = 'open')
                    """
                ).first?.int(0) ?? 0
            }
            if open > 0 { return true }
        }
        return false
    }

    private func retry<R>(_ call: () async throws -> R) async throws -> R {
        while true {
            do { return try await call() } catch {
                try Task.checkCancellation()
                guard Fault(describing: error).code.outcome != .refused else { throw error }
                try await world.time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func context(_ principal: Principal, key: String? = nil) -> CallContext {
        CallContext(deadline: world.time.now + Self.callTimeout, principal: principal, idempotencyKey: key)
    }
}

extension Workload {
    /// The products of a long run, with more stock than it sells.
    static func long(entropy: SeededEntropy, units: Int) -> Workload {
        var workload = Workload(orders: 1, entropy: entropy)
        workload.raisedPrices = [:]
        workload.openingStock = Dictionary(skus.map { ($0, units) }) { first, _ in first }
        return workload
    }
}
