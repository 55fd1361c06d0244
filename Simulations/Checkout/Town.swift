import CartsContract
import CatalogContract
import InventoryContract
import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf

/// The people around the shop: a merchant who fills it, and customers who order at the same time.
struct Town: Sendable {
    /// What one customer is up to.
    struct Errand: Sendable {
        let customer: String
        let sku: String
        let paymentMethod: String
        var usesCart = false
        var changesMind = false
    }

    /// The lamps' total ends in 08: the provider acts and its first answer is lost.
    static let prices: KeyValuePairs<String, Int64> = ["clock": 1_999, "lamp": 504, "mug": 450]
    static let opening: UInt32 = 100
    static let quantity: UInt32 = 2

    static let errands = [
        Errand(customer: "alice", sku: "mug", paymentMethod: "pm_test_ok", usesCart: true),
        Errand(customer: "bob", sku: "clock", paymentMethod: "pm_test_declined"),
        Errand(customer: "carol", sku: "mug", paymentMethod: "pm_test_ok", changesMind: true),
        Errand(customer: "dave", sku: "lamp", paymentMethod: "pm_test_by_amount"),
    ]

    private static let look = Duration.milliseconds(50)
    /// After which a customer who changes their mind says so, at most, in milliseconds.
    private static let secondThoughtsLimit: UInt64 = 250

    private let shop: SimulatedShop
    private let time: VirtualTime
    private let entropy: SeededEntropy
    private let orders: OrdersClient
    private let catalog: CatalogClient
    private let carts: CartsClient
    private let inventory: InventoryClient
    private let payments: PaymentsClient

    init(of shop: SimulatedShop, entropy: SeededEntropy) {
        self.shop = shop
        time = shop.time
        self.entropy = entropy.fork()
        let channel = shop.channel(entropy.fork())
        orders = OrdersClient(over: channel)
        catalog = CatalogClient(over: channel)
        carts = CartsClient(over: channel)
        inventory = InventoryClient(over: channel)
        payments = PaymentsClient(over: channel)
    }

    /// Returns when every order has come out and nothing is on its way any more.
    func spendDay() async throws -> Day {
        try await fillShop()
        let placed = try await withThrowingTaskGroup(of: (customer: String, id: String).self) { group in
            for errand in Self.errands { group.addTask { (errand.customer, try await buy(errand)) } }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.customer < $1.customer }
        }
        while try await !isOver() { try await time.sleep(for: Self.look) }
        return try await look(at: placed)
    }

    // MARK: What people do

    private func fillShop() async throws {
        let since = Google_Protobuf_Timestamp(time.date - .seconds(86_400))
        let products = Self.prices.map { price in
            ImportedProduct.with {
                $0.sku = price.key
                $0.name = "A \(price.key)"
                $0.stocked = true
                $0.prices = [
                    .with {
                        $0.unitPrice = UnitPrice(Amount(nanos: Int128(price.value) * 10_000_000), currency: "GBP")
                        $0.effectiveFrom = since
                    }
                ]
            }
        }
        _ = try await catalog.importProducts(.with { $0.products = products }, context: merchant(key: "import"))
        let delivery = ReceiveRequest.with {
            $0.deliveryID = "opening"
            $0.kind = .purchase
            $0.lines = Self.prices.map { price in
                .with {
                    $0.sku = price.key
                    $0.quantity = Self.opening
                }
            }
        }
        _ = try await inventory.receive(delivery, context: merchant(key: "opening"))
    }

    private func buy(_ errand: Errand) async throws -> String {
        var request = PlaceOrderRequest.with { $0.paymentMethod = errand.paymentMethod }
        if errand.usesCart {
            let line = PutLineRequest.with {
                $0.cartID = "me"
                $0.sku = errand.sku
                $0.quantity = Self.quantity
            }
            _ = try await carts.putLine(line, context: context(errand.customer))
            request.cartID = "me"
        } else {
            request.lines = [
                .with {
                    $0.sku = errand.sku
                    $0.quantity = Self.quantity
                }
            ]
        }
        let id = try await orders.placeOrder(request, context: context(errand.customer, key: "order")).order.orderID
        if errand.changesMind {
            try await time.sleep(for: .milliseconds(Int64(entropy.number(below: Self.secondThoughtsLimit))))
            let wish = CancelOrderRequest.with {
                $0.orderID = id
                $0.reason = "changed my mind"
            }
            _ = try await orders.cancelOrder(wish, context: context(errand.customer, key: "cancel"))
        }
        while try await !hasCome(id, of: errand) { try await time.sleep(for: Self.look) }
        return id
    }

    private func hasCome(_ id: String, of errand: Errand) async throws -> Bool {
        let order = try await orders.getOrder(.with { $0.orderID = id }, context: context(errand.customer)).order
        switch order.status {
        // Cancelled too late: the money comes back.
        case .completed: return !errand.changesMind || order.refunded == order.captured
        case .rejected, .cancelled: return true
        default: return false
        }
    }

    // MARK: What people see

    private func isOver() async throws -> Bool {
        guard try await shop.isQuiet else { return false }
        return try await orders.getSummary(GetSummaryRequest(), context: merchant()).openReturns == 0
    }

    private func look(at placed: [(customer: String, id: String)]) async throws -> Day {
        var found: [Day.Order] = []
        var timelines = Fingerprint()
        for (customer, id) in placed {
            let order = try await orders.getOrder(.with { $0.orderID = id }, context: context(customer)).order
            let timeline = try await orders.getTimeline(.with { $0.orderID = id }, context: context(customer))
            for entry in timeline.entries {
                timelines.add(
                    "\(id) \(entry.version) \(entry.event) \(entry.at.seconds).\(entry.at.nanos) \(entry.detail)"
                )
            }
            found.append(
                Day.Order(
                    customer: customer,
                    orderID: id,
                    status: "\(order.status)",
                    reason: order.reason,
                    captured: order.captured.minorUnits,
                    refunded: order.refunded.minorUnits,
                    timeline: timeline.entries.map(\.event)
                )
            )
        }
        let levels = try await inventory.listStock(ListStockRequest(), context: merchant()).levels
        return Day(
            orders: found,
            stock: levels.map { Day.Stock(sku: $0.sku, onHand: $0.onHand, available: $0.available) },
            timelines: timelines.description,
            events: shop.bus.events.description,
            published: shop.bus.published,
            calls: shop.traffic.calls.description,
            callsMade: shop.traffic.made,
            callsFailed: shop.traffic.failed,
            ledgerBalances: try await payments.getTrialBalance(GetTrialBalanceRequest(), context: merchant()).balanced,
            providerAgrees: try await payments.reconcile(ReconcileRequest(), context: merchant()).equal
        )
    }

    // MARK: Who they are

    private func context(_ customer: String, key: String? = nil) -> CallContext {
        caller(customer, ["orders:read", "orders:write"], key)
    }

    private func merchant(key: String? = nil) -> CallContext {
        let scopes = ["catalog:write", "inventory:read", "inventory:write", "orders:agreed-price", "payments:read"]
        return caller("merchant", Set(scopes), key)
    }

    private func caller(_ id: String, _ scopes: Set<String>, _ key: String?) -> CallContext {
        CallContext(
            deadline: time.now + .seconds(10),
            principal: Principal(kind: .user, id: id, scopes: scopes),
            idempotencyKey: key
        )
    }
}
