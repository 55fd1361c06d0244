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
    let world: OrdersWorld

    init() async throws { world = try await OrdersWorld() }

    @Test("answers as soon as it is on file, with the catalogue's prices")
    func lines() async throws {
        let order = try await world.place(["mug": 2, "POST": 1])
        #expect(order.status == .pending)
        #expect(order.customerID == "alice")
        #expect(order.total == Money(910, currency: "GBP"))
        #expect(order.lines.map(\.number) == [1, 2])
        #expect(order.lines.map(\.service) == [false, true])
        #expect(order.lines.map(\.name) == ["A mug", "A POST"])
        #expect(try await world.order(order.orderID) == order)
        #expect(try await world.timeline(order.orderID) == ["placed"])
        #expect(try await world.told(order.orderID) == [.placed])
    }

    @Test("takes what the caller's cart holds")
    func cart() async throws {
        let order = try await world.place([:], cart: "me")
        #expect(order.lines.map(\.sku) == ["mug", "pen"])
        #expect(order.total.minorUnits == 520)
        #expect(await refusal { try await world.place([:], cart: "nobody's") }?.reason == "orders.unknown_cart")
        #expect(await refusal { try await world.place([:], cart: "empty") }?.reason == "orders.empty")
    }

    @Test("answers a repeat with the order, though the first request has emptied the cart meanwhile")
    func emptiedMeanwhile() async throws {
        world.baskets.empty { try await world.place([:], cart: "me", key: "twice") }
        let order = try await world.place([:], cart: "me", key: "twice")
        #expect(order.lines.map(\.sku) == ["mug", "pen"])
        #expect(try await world.headlines().count == 1)
    }

    @Test("is refused while too many orders wait for their checkouts, but for a repeat of one that is on file")
    func overloaded() async throws {
        var limits = WorkflowLimits.impatient
        limits.waitingLimit = 1
        let world = try await OrdersWorld(limits: limits)
        let first = try await world.place(key: "first")
        let fault = try #require(await refusal { try await world.place(key: "second") })
        #expect(fault.code == .resourceExhausted)
        #expect(fault.reason == .overloaded)
        #expect(fault.retryAfter == .seconds(2))
        #expect(await refusal { try await agreed("INV-1", in: world) }?.reason == .overloaded)
        #expect(try await world.place(key: "first") == first)
        #expect(try await world.headlines().count == 1)

        try await world.settle()
        try await world.place(key: "second")
        #expect(try await world.headlines().count == 2)
    }

    @Test("is refused with the field's name when the request makes no sense")
    func refused() async throws {
        world.prices.set("yen", pence: 100)
        let faults: [(Fault?, Reason, String)] = [
            (await refusal { try await world.place([:]) }, "orders.empty", "lines"),
            (await refusal { try await world.place(["mug": 1], cart: "me") }, .invalidRequest, "cart_id"),
            (await refusal { try await world.place(["nothing": 1]) }, "orders.unknown_sku", "lines[0].sku"),
            (await refusal { try await world.place(["mug": 0]) }, .invalidRequest, "lines[0].quantity"),
            (await refusal { try await world.place(["mug": 100_001]) }, .invalidRequest, "lines[0].quantity"),
            (await refusal { try await world.place(["mug": 1], method: "") }, .invalidRequest, "payment_method"),
            (
                await refusal { try await world.place(["mug": 1, "yen": 1]) }, "orders.mixed_currencies",
                "lines[1].sku"
            ),
        ]
        for (fault, reason, field) in faults {
            #expect(fault?.reason == reason)
            #expect(fault?.violations.map(\.field) == [field])
        }
        #expect(try await world.headlines().isEmpty)
    }

    @Test("is told every line whose SKU nobody sells, so many at most")
    func unknownSKUs() async throws {
        let some = await refusal { try await world.place(["mug": 1, "x": 1, "pen": 1, "y": 2, "x": 3]) }
        #expect(some?.code == .notFound)
        #expect(some?.violations.map(\.field) == ["lines[1].sku", "lines[3].sku", "lines[4].sku"])
        #expect(some?.violations.map(\.rule).last == "the catalogue sells no x")
        let request = PlaceOrderRequest.with {
            $0.paymentMethod = "pm_test_ok"
            $0.lines = (0..<100).map { number in
                .with {
                    $0.sku = "s\(number)"
                    $0.quantity = 1
                }
            }
        }
        let many = await refusal { try await world.client.placeOrder(request, context: world.alice) }
        #expect(many?.violations.count == RuleCheck.violationsLimit)
        #expect(many?.violations.last?.field == "lines[\(RuleCheck.violationsLimit - 1)].sku")
        #expect(try await world.headlines().isEmpty)
    }

    @Test("takes a cart once as it is, whatever the keys, and again when it has changed")
    func cartOnce() async throws {
        let first = try await world.place([:], cart: "me", key: "k1")
        let fault = await refusal { try await world.place([:], cart: "me", key: "k2") }
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.reason == "orders.cart_ordered")
        #expect(fault?.violations.map(\.field) == ["cart_id"])
        #expect(try await world.place([:], cart: "me", key: "k1") == first)
        #expect(try await world.place([:], cart: "me", key: "k3", by: world.bob).customerID == "bob")
        world.baskets.stir()
        #expect(try await world.place([:], cart: "me", key: "k2").orderID != first.orderID)
    }

    @Test("from a cart whose goods are sold no more, or priced apart, blames the cart")
    func spoiltCart() async throws {
        world.prices.set("pen", pence: nil)
        let unsold = await refusal { try await world.place([:], cart: "me") }
        #expect(unsold?.reason == "orders.unknown_sku")
        #expect(unsold?.violations.map(\.field) == ["cart_id"])
        world.prices.set("yen", pence: 100)
        let mixed = await refusal { try await world.place([:], cart: "mixed") }
        #expect(mixed?.reason == "orders.mixed_currencies")
        #expect(mixed?.violations.map(\.field) == ["cart_id"])
    }

    @Test("takes no discount that nobody gave: a negative price is the merchant's")
    func discount() async throws {
        world.prices.set("D", pence: -200)
        let fault = await refusal { try await world.place(["mug": 1, "D": 1]) }
        #expect(fault?.reason == "orders.unknown_sku")
        #expect(fault?.violations.map(\.field) == ["lines[1].sku"])
    }

    @Test("fails cleanly while the catalogue is away, and works under the same key later")
    func catalogueAway() async throws {
        world.prices.setAway(true)
        let fault = await refusal { try await world.place(key: "k1") }
        #expect(fault?.code == .unavailable)
        #expect(try await world.headlines().isEmpty)
        world.prices.setAway(false)
        let order = try await world.place(key: "k1")
        #expect(order.status == .pending)
    }

    @Test("with a key answers a repeat as before, though prices have changed since")
    func idempotencyKey() async throws {
        let first = try await world.place(key: "k1")
        try await world.settle()
        world.prices.set("mug", pence: 1)
        let second = try await world.place(key: "k1")
        #expect(second == first)
        #expect(try await world.headlines().count == 1)

        let other = await refusal { try await world.place(["pen": 1], key: "k1") }
        #expect(other?.code == .alreadyExists)
        #expect(other?.reason == .idempotencyKeyReused)
        // Another customer's key is another key.
        let bobs = try await world.place(["pen": 1], key: "k1", by: world.bob)
        #expect(bobs.orderID != first.orderID)
    }

    @Test("needs somebody with the scope to order")
    func scopes() async throws {
        let reader = CallContext(principal: Principal(kind: .user, id: "alice", scopes: ["orders:read"]))
        #expect(await refusal { try await world.place(by: reader) }?.code == .permissionDenied)
        #expect(await refusal { try await world.place(by: CallContext()) }?.code == .unauthenticated)
        #expect(await refusal { try await agreed("536365", by: world.alice) }?.code == .permissionDenied)
    }

    @Test("is nobody else's business")
    func othersOrder() async throws {
        let id = try await world.completed()
        let faults = [
            await refusal { try await world.order(id, by: world.bob) },
            await refusal { try await world.timeline(id, by: world.bob) },
            await refusal { try await world.cancel(id, by: world.bob) },
            await refusal { try await world.giveBack(id, "r1", ["mug": 1], by: world.bob) },
            await refusal { try await world.order("nothing") },
        ]
        for fault in faults {
            #expect(fault?.code == .notFound)
            #expect(fault?.reason == "orders.unknown_order")
        }
        #expect(try await world.order(id, by: world.merchant).orderID == id)
    }

    @Test("at agreed prices keeps them, with services and a discount")
    func agreedPrices() async throws {
        let order = try await agreed("536365")
        #expect(order.customerID == "17850")
        #expect(order.reference == "536365")
        // 6 × 2.55 + 18.00 − 0.30
        #expect(order.total.minorUnits == 3_300)
        try await world.settle()
        #expect(try await world.order(order.orderID, by: world.merchant).status == .completed)
        #expect(world.stock.stock["mug"] == 4)
    }

    @Test("by a merchant's number finds the order that is there, and no other under that number")
    func agreedReference() async throws {
        let first = try await agreed("536365")
        let second = try await agreed("536365")
        #expect(second.orderID == first.orderID)
        let fault = await refusal { try await agreed("536365", customer: "12345") }
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.reason == "orders.reference_taken")
        #expect(fault?.violations.map(\.field) == ["reference"])
        #expect(try await world.headlines().count == 1)
    }

    @Test("has up to 2,000 lines, with the longest codes and names, and not one more")
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
        let order = try await world.client.placeAgreedOrder(request, context: world.merchant).order
        #expect(order.total.minorUnits == 200_000_000)
        try await world.settle()
        #expect(try await world.order(order.orderID, by: world.merchant).reason == "inventory.insufficient_stock")
        #expect(try await world.unfinished().isEmpty)

        request.reference = "2"
        request.lines.append(request.lines[0])
        let fault = await refusal {
            try await world.client.placeAgreedOrder(request, context: world.merchant)
        }
        #expect(fault?.violations.map(\.field) == ["lines"])
    }

    @Test("at agreed prices is in one currency, which is one")
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
            try await world.client.placeAgreedOrder(request("GBP", "GBP", "JPY"), context: world.merchant)
        }
        #expect(mixed?.reason == "orders.mixed_currencies")
        #expect(mixed?.violations.map(\.field) == ["lines[2].unit_price.currency"])
        // As a currency of its own it would have pence.
        let none = await refusal {
            try await world.client.placeAgreedOrder(request("jpy"), context: world.merchant)
        }
        #expect(none?.code == .invalidArgument)
        #expect(none?.violations.map(\.field) == ["lines[0].unit_price.currency"])
        let yen = try await world.client.placeAgreedOrder(request("JPY", "JPY"), context: world.merchant).order
        #expect(yen.total == Money(2, currency: "JPY"))
    }

    @Test("for less than nothing is refused")
    func negativeTotal() async throws {
        let fault = await refusal { try await agreed("1", discount: -3_331) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "orders.total_out_of_range")
        #expect(try await agreed("2", discount: -3_330).total.minorUnits == 0)
    }

    @Test("lists one's own orders once, newest first, page by page; a merchant's all")
    func listing() async throws {
        var placed: [String] = []
        for number in 0..<7 {
            placed.append(try await world.place(["pen": 1]).orderID)
            // Some share their moment.
            if number % 2 == 1 { world.time.advance(by: .seconds(1)) }
        }
        try await world.place(["pen": 1], by: world.bob)
        #expect(try await list(by: world.alice).sorted() == placed.sorted())
        #expect(try await list(by: world.alice).last == placed.prefix(2).min())
        #expect(try await list(by: world.merchant).count == 8)
        try await world.settle()
        #expect(try await list(.completed, by: world.merchant).count == 1)
        #expect(try await list(.rejected, by: world.alice).count == 7 - list(.completed, by: world.alice).count)
    }

    private func list(_ status: OrderStatus = .unspecified, by context: CallContext) async throws -> [String] {
        var found: [String] = []
        var token = ""
        repeat {
            let page = try await world.client.listOrders(
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
        by context: CallContext? = nil,
        in world: OrdersWorld? = nil
    ) async throws -> OrdersContract.Order {
        let world = world ?? self.world
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
                line("D", 1, pence: discount, service: true),
            ]
        }
        return try await world.client.placeAgreedOrder(request, context: context ?? world.merchant).order
    }
}
