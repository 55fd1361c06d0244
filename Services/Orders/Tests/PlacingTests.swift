import MartletContract
import MartletCore
import MartletSQL
import MartletTesting
import MartletWorkflows
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("Placing an order")
struct PlacingTests {
    let fixture: OrdersFixture

    init() async throws { fixture = try await OrdersFixture() }

    @Test("returns the pending order with the catalogue's prices")
    func lines() async throws {
        let order = try await fixture.place(["mug": 2, "POST": 1])
        #expect(order.status == .pending)
        #expect(order.customerID == "alice")
        #expect(order.total == Money(910, currency: "GBP"))
        #expect(order.lines.map(\.number) == [1, 2])
        #expect(order.lines.map(\.service) == [false, true])
        #expect(order.lines.map(\.name) == ["A mug", "A POST"])
        #expect(try await fixture.order(order.orderID) == order)
        #expect(try await fixture.timeline(order.orderID) == ["placed"])
        #expect(try await fixture.publishedKinds(order.orderID) == [.placed])
    }

    @Test("orders the lines of the caller's cart")
    func cart() async throws {
        let order = try await fixture.place([:], cart: "me")
        #expect(order.lines.map(\.sku) == ["mug", "pen"])
        #expect(order.total.minorUnits == 520)
        #expect(await refusal { try await fixture.place([:], cart: "unknown") }?.reason == "orders.unknown_cart")
        let empty = await refusal { try await fixture.place([:], cart: "empty") }
        #expect(empty?.reason == "orders.empty")
        #expect(empty?.detail == "cart_id has no lines; an order may have taken them")
    }

    @Test("a repeat returns the order when the first request has emptied the cart meanwhile")
    func emptiedMeanwhile() async throws {
        fixture.carts.empty { try await fixture.place([:], cart: "me", key: "twice") }
        let order = try await fixture.place([:], cart: "me", key: "twice")
        #expect(order.lines.map(\.sku) == ["mug", "pen"])
        #expect(try await fixture.summaryRows().count == 1)
    }

    @Test("is refused while too many checkouts are waiting, except for a repeat")
    func overloaded() async throws {
        var limits = WorkflowLimits.immediateRetries
        limits.waitingLimit = 1
        let fixture = try await OrdersFixture(limits: limits)
        let first = try await fixture.place(key: "first")
        let fault = try #require(await refusal { try await fixture.place(key: "second") })
        #expect(fault.code == .resourceExhausted)
        #expect(fault.reason == .overloaded)
        #expect(fault.retryAfter == .seconds(2))
        #expect(await refusal { try await agreed("INV-1", in: fixture) }?.reason == .overloaded)
        #expect(try await fixture.place(key: "first") == first)
        #expect(try await fixture.summaryRows().count == 1)

        try await fixture.runUntilIdle()
        try await fixture.place(key: "second")
        #expect(try await fixture.summaryRows().count == 2)
    }

    @Test("at agreed prices, a repeat is answered while too many checkouts are waiting")
    func overloadedRepeat() async throws {
        var limits = WorkflowLimits.immediateRetries
        limits.waitingLimit = 1
        let fixture = try await OrdersFixture(limits: limits)
        let first = try await agreed("INV-1", in: fixture)
        #expect(await refusal { try await agreed("INV-2", in: fixture) }?.reason == .overloaded)
        #expect(try await agreed("INV-1", in: fixture).orderID == first.orderID)
        let other = await refusal { try await agreed("INV-1", customer: "12345", in: fixture) }
        #expect(other?.reason == "orders.reference_taken")
    }

    @Test("an invalid request is refused with its field")
    func refused() async throws {
        fixture.catalog.set("yen", pence: 100)
        let faults: [(Fault?, Reason, String)] = [
            (await refusal { try await fixture.place([:]) }, "orders.empty", "lines"),
            (await refusal { try await fixture.place(["mug": 1], cart: "me") }, .invalidRequest, "cart_id"),
            (await refusal { try await fixture.place(["nothing": 1]) }, "orders.unknown_sku", "lines[0].sku"),
            (await refusal { try await fixture.place(["mug": 0]) }, .invalidRequest, "lines[0].quantity"),
            (await refusal { try await fixture.place(["mug": 100_001]) }, .invalidRequest, "lines[0].quantity"),
            (await refusal { try await fixture.place(["mug": 1], method: "") }, .invalidRequest, "payment_method"),
            (
                await refusal { try await fixture.place(["mug": 1, "yen": 1]) }, "orders.mixed_currencies",
                "lines[1].sku"
            ),
        ]
        for (fault, reason, field) in faults {
            #expect(fault?.reason == reason)
            #expect(fault?.violations.map(\.field) == [field])
        }
        #expect(try await fixture.summaryRows().isEmpty)
    }

    @Test("every line with an unknown SKU is a violation, up to a limit")
    func unknownSKUs() async throws {
        let some = await refusal { try await fixture.place(["mug": 1, "x": 1, "pen": 1, "y": 2, "x": 3]) }
        #expect(some?.code == .notFound)
        #expect(some?.violations.map(\.field) == ["lines[1].sku", "lines[3].sku", "lines[4].sku"])
        #expect(some?.violations.map(\.rule).last == "the catalogue does not sell x")
        let request = PlaceOrderRequest.with {
            $0.paymentMethod = "pm_test_ok"
            $0.lines = (0..<100).map { number in
                .with {
                    $0.sku = "s\(number)"
                    $0.quantity = 1
                }
            }
        }
        let many = await refusal { try await fixture.client.placeOrder(request, context: fixture.alice) }
        #expect(many?.violations.count == RuleCheck.violationsLimit)
        #expect(many?.violations.last?.field == "lines[\(RuleCheck.violationsLimit - 1)].sku")
        #expect(try await fixture.summaryRows().isEmpty)
    }

    @Test("a cart revision is ordered once, whatever the keys")
    func cartOnce() async throws {
        let first = try await fixture.place([:], cart: "me", key: "k1")
        let fault = await refusal { try await fixture.place([:], cart: "me", key: "k2") }
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.reason == "orders.cart_ordered")
        #expect(fault?.violations.map(\.field) == ["cart_id"])
        #expect(try await fixture.place([:], cart: "me", key: "k1") == first)
        #expect(try await fixture.place([:], cart: "me", key: "k3", by: fixture.bob).customerID == "bob")
        fixture.carts.changeRevisions()
        #expect(try await fixture.place([:], cart: "me", key: "k2").orderID != first.orderID)
    }

    @Test("unsold products and mixed currencies in a cart are refused with the cart's field")
    func invalidCart() async throws {
        fixture.catalog.set("pen", pence: nil)
        let unsold = await refusal { try await fixture.place([:], cart: "me") }
        #expect(unsold?.reason == "orders.unknown_sku")
        #expect(unsold?.violations.map(\.field) == ["cart_id"])
        fixture.catalog.set("yen", pence: 100)
        let mixed = await refusal { try await fixture.place([:], cart: "mixed") }
        #expect(mixed?.reason == "orders.mixed_currencies")
        #expect(mixed?.violations.map(\.field) == ["cart_id"])
    }

    @Test("a product with a negative price cannot be ordered")
    func discount() async throws {
        fixture.catalog.set("D", pence: -200)
        let fault = await refusal { try await fixture.place(["mug": 1, "D": 1]) }
        #expect(fault?.reason == "orders.unknown_sku")
        #expect(fault?.violations.map(\.field) == ["lines[1].sku"])
    }

    @Test("is unavailable while the catalogue is; the same key works later")
    func catalogueUnavailable() async throws {
        fixture.catalog.setUnavailable(true)
        let fault = await refusal { try await fixture.place(key: "k1") }
        #expect(fault?.code == .unavailable)
        #expect(try await fixture.summaryRows().isEmpty)
        fixture.catalog.setUnavailable(false)
        let order = try await fixture.place(key: "k1")
        #expect(order.status == .pending)
    }

    @Test("a repeated key returns the stored response, even after a price change")
    func idempotencyKey() async throws {
        let first = try await fixture.place(key: "k1")
        try await fixture.runUntilIdle()
        fixture.catalog.set("mug", pence: 1)
        let second = try await fixture.place(key: "k1")
        #expect(second == first)
        #expect(try await fixture.summaryRows().count == 1)

        let other = await refusal { try await fixture.place(["pen": 1], key: "k1") }
        #expect(other?.code == .alreadyExists)
        #expect(other?.reason == .idempotencyKeyReused)
        // Another customer's key is another key.
        let bobs = try await fixture.place(["pen": 1], key: "k1", by: fixture.bob)
        #expect(bobs.orderID != first.orderID)
    }

    @Test("needs the scope to order")
    func scopes() async throws {
        let reader = CallContext(principal: Principal(user: "alice", scopes: ["orders:read"]))
        #expect(await refusal { try await fixture.place(by: reader) }?.code == .permissionDenied)
        #expect(await refusal { try await fixture.place(by: CallContext()) }?.code == .unauthenticated)
        #expect(await refusal { try await agreed("536365", by: fixture.alice) }?.code == .permissionDenied)
    }

    @Test("other customers cannot access the order")
    func othersOrder() async throws {
        let id = try await fixture.completed()
        let faults = [
            await refusal { try await fixture.order(id, by: fixture.bob) },
            await refusal { try await fixture.timeline(id, by: fixture.bob) },
            await refusal { try await fixture.cancel(id, by: fixture.bob) },
            await refusal { try await fixture.returnUnits(of: id, as: "r1", ["mug": 1], by: fixture.bob) },
            await refusal { try await fixture.order("nothing") },
        ]
        for fault in faults {
            #expect(fault?.code == .notFound)
            #expect(fault?.reason == "orders.unknown_order")
        }
        #expect(try await fixture.order(id, by: fixture.merchant).orderID == id)
    }

    @Test("agreed prices are used, with services and a discount")
    func agreedPrices() async throws {
        let order = try await agreed("536365")
        #expect(order.customerID == "17850")
        #expect(order.reference == "536365")
        // 6 × 2.55 + 18.00 − 0.30
        #expect(order.total.minorUnits == 3_300)
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(order.orderID, by: fixture.merchant).status == .completed)
        #expect(fixture.inventory.stock["mug"] == 4)
    }

    @Test("a discount with the SKU of its lines takes no stock, and a return by SKU does not count it")
    func discountOfGoods() async throws {
        fixture.inventory.setStock("mug", 6)
        let order = try await agreed("536365", discountOn: "mug")
        #expect(order.lines.map(\.service) == [false, true, true])
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(order.orderID, by: fixture.merchant).status == .completed)
        #expect(fixture.inventory.stock["mug"] == 0)
        let fault = await refusal {
            try await fixture.returnUnits(of: order.orderID, as: "r1", ["mug": 7], by: fixture.merchant)
        }
        #expect(fault?.reason == "orders.return_exceeds_order")
        _ = try await fixture.returnUnits(of: order.orderID, as: "r1", ["mug": 6], by: fixture.merchant)
        try await fixture.runUntilIdle()
        #expect(fixture.inventory.stock["mug"] == 6)
    }

    @Test("a merchant's reference is unique: a repeat returns the order, another order is refused")
    func agreedReference() async throws {
        let first = try await agreed("536365")
        let second = try await agreed("536365")
        #expect(second.orderID == first.orderID)
        let fault = await refusal { try await agreed("536365", customer: "12345") }
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.reason == "orders.reference_taken")
        #expect(fault?.violations.map(\.field) == ["reference"])
        #expect(try await fixture.summaryRows().count == 1)
    }

    @Test("2,000 lines with the longest codes and names are the limit")
    func largest() async throws {
        var request = PlaceAgreedOrderRequest.with {
            $0.reference = "1"
            $0.customerID = "17850"
            $0.paymentMethod = "pm_test_ok"
            $0.lines = (1...2_000).map { (number: Int) in
                let digits = String(number)
                return AgreedLine.with {
                    $0.sku = String(repeating: "s", count: 64 - digits.count) + digits
                    $0.name = String(repeating: "n", count: 300)
                    $0.quantity = 100_000
                    $0.unitPrice = UnitPrice(Amount(nanos: 10_000_000), currency: "GBP")
                }
            }
        }
        let order = try await fixture.client.placeAgreedOrder(request, context: fixture.merchant).order
        #expect(order.total.minorUnits == 200_000_000)
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(order.orderID, by: fixture.merchant).reason == "inventory.insufficient_stock")
        #expect(try await fixture.unfinished().isEmpty)

        request.reference = "2"
        request.lines.append(request.lines[0])
        let fault = await refusal {
            try await fixture.client.placeAgreedOrder(request, context: fixture.merchant)
        }
        #expect(fault?.violations.map(\.field) == ["lines"])
    }

    @Test("agreed prices are in one valid currency")
    func agreedCurrency() async throws {
        func request(_ currencies: String...) -> PlaceAgreedOrderRequest {
            .with {
                $0.reference = "1"
                $0.customerID = "17850"
                $0.paymentMethod = "pm_test_ok"
                $0.lines = currencies.map { currency in
                    .with {
                        $0.sku = "mug"
                        $0.quantity = 1
                        $0.unitPrice = UnitPrice(Amount(nanos: 1_000_000_000), currency: currency)
                    }
                }
            }
        }
        let mixed = await refusal {
            try await fixture.client.placeAgreedOrder(request("GBP", "GBP", "JPY"), context: fixture.merchant)
        }
        #expect(mixed?.reason == "orders.mixed_currencies")
        #expect(mixed?.violations.map(\.field) == ["lines[2].unit_price.currency"])
        // An unknown currency would have two decimals.
        let none = await refusal {
            try await fixture.client.placeAgreedOrder(request("jpy"), context: fixture.merchant)
        }
        #expect(none?.code == .invalidArgument)
        #expect(none?.violations.map(\.field) == ["lines[0].unit_price.currency"])
        let yen = try await fixture.client.placeAgreedOrder(request("JPY", "JPY"), context: fixture.merchant).order
        #expect(yen.total == Money(2, currency: "JPY"))
    }

    @Test("a negative total is refused")
    func negativeTotal() async throws {
        let fault = await refusal { try await agreed("1", discount: -3_331) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "orders.total_out_of_range")
        #expect(try await agreed("2", discount: -3_330).total.minorUnits == 0)
    }

    @Test("lists a customer's orders newest first, in pages; all orders for a merchant")
    func listing() async throws {
        var placed: [String] = []
        for number in 0..<7 {
            placed.append(try await fixture.place(["pen": 1]).orderID)
            // Some have the same time.
            if number % 2 == 1 { fixture.time.advance(by: .seconds(1)) }
        }
        try await fixture.place(["pen": 1], by: fixture.bob)
        #expect(try await list(by: fixture.alice).sorted() == placed.sorted())
        #expect(try await list(by: fixture.alice).last == placed.prefix(2).min())
        #expect(try await list(by: fixture.merchant).count == 8)
        try await fixture.runUntilIdle()
        #expect(try await list(.completed, by: fixture.merchant).count == 1)
        #expect(try await list(.rejected, by: fixture.alice).count == 7 - list(.completed, by: fixture.alice).count)
    }

    private func list(_ status: OrderStatus = .unspecified, by context: CallContext) async throws -> [String] {
        var found: [String] = []
        var token = ""
        repeat {
            let page = try await fixture.client.listOrders(
                .with {
                    $0.pageSize = 2
                    $0.pageToken = token
                    $0.status = status
                },
                context: context
            )
            found += page.orders.map(\.orderID)
            token = page.page.nextPageToken
        } while !token.isEmpty
        return found
    }

    @discardableResult
    private func agreed(
        _ reference: String,
        customer: String = "17850",
        discount: Int64 = -30,
        discountOn goods: String? = nil,
        by context: CallContext? = nil,
        in fixture: OrdersFixture? = nil
    ) async throws -> OrdersContract.Order {
        let fixture = fixture ?? self.fixture
        func line(_ sku: String, _ quantity: UInt32, pence: Int64, service: Bool) -> AgreedLine {
            .with {
                $0.sku = sku
                $0.quantity = quantity
                $0.unitPrice = UnitPrice(Amount(nanos: Int128(pence) * 10_000_000), currency: "GBP")
                $0.service = service
            }
        }
        let request = PlaceAgreedOrderRequest.with {
            $0.reference = reference
            $0.customerID = customer
            $0.paymentMethod = "pm_test_ok"
            $0.lines = [
                line("mug", 6, pence: 255, service: false), line("POST", 1, pence: 1_800, service: true),
                line(goods ?? "D", 1, pence: discount, service: goods == nil),
            ]
        }
        return try await fixture.client.placeAgreedOrder(request, context: context ?? fixture.merchant).order
    }
}
