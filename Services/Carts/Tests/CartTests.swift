import CartsContract
import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTesting
import SharedContract
import SwiftProtobuf
import Testing

@testable import Carts

@Suite("A cart")
struct CartTests {
    let world: CartsWorld

    init() async throws { world = try await CartsWorld() }

    @Test("is the customer's own as soon as they look, with lines by SKU and a total")
    func customer() async throws {
        let alice = world.customer("alice")
        let empty = try await world.get(alice)
        #expect(empty.cartID == "me")
        #expect(empty.lines.isEmpty)
        #expect(empty.total.minorUnits == 0)

        try await world.put("pin", 1, alice)
        let cart = try await world.put("mug", 2, alice)
        #expect(cart.lines.map(\.sku) == ["mug", "pin"])
        #expect(cart.lines.map(\.quantity) == [2, 1])
        // 5.10 and 0.015, rounded once.
        #expect(cart.total == Money(512, currency: "GBP"))
        #expect(try await world.get(alice) == cart)
    }

    @Test("rounds its total once, half to even", arguments: [1: 0, 2: 1, 3: 2, 5: 2, 7: 4] as [UInt32: Int64])
    func rounding(pens: UInt32, pence: Int64) async throws {
        let cart = try await world.put("pen", pens, world.customer("alice"))
        #expect(cart.total.minorUnits == pence)
    }

    @Test("is nobody else's")
    func isolation() async throws {
        let guest = try await world.open()
        let other = try await world.open()
        #expect(guest != other)
        try await world.put("mug", 1, world.customer("alice"))
        try await world.put("pen", 2, in: guest, world.nobody)
        #expect(try await world.get(world.customer("bob")).lines.isEmpty)
        #expect(try await world.get(other, world.nobody).lines.isEmpty)
        #expect(try await world.get(guest, world.nobody).lines.map(\.sku) == ["pen"])
        // Not even with a name that looks like a key of the tables.
        for name in ["alice", "customer:alice", "guest:\(guest)"] {
            let fault = await refusal { try await world.get(name, world.customer("bob")) }
            #expect(fault?.code == .notFound)
            #expect(fault?.reason == "carts.unknown_cart")
            #expect(fault?.violations.map(\.field) == ["cart_id"])
        }
    }

    @Test("is never handed to a second guest, even under the same key")
    func guestsKey() async throws {
        let context = CallContext(idempotencyKey: "1")
        let carts = [try await world.open(context), try await world.open(context)]
        #expect(carts[0] != carts[1])
    }

    @Test("named me needs somebody signed in")
    func signIn() async throws {
        let fault = await refusal { try await world.get(world.nobody) }
        #expect(fault?.code == .unauthenticated)
    }

    @Test("is seen by a service on behalf of its customer")
    func onBehalf() async throws {
        try await world.put("mug", 1, world.customer("alice"))
        let orders = world.customer("alice").outgoing(as: "orders")
        #expect(try await world.get(orders).lines.map(\.sku) == ["mug"])
    }

    @Test("is changed by setting quantities, told only when something changed")
    func changes() async throws {
        let alice = world.customer("alice")
        for _ in 1...2 { try await world.put("mug", 2, alice) }
        try await world.put("mug", 3, alice)
        for _ in 1...2 { try await world.remove("mug", alice) }
        let told = try await world.published()
        #expect(told.map { $0.lines.map(\.quantity) } == [[2], [3], []])
        #expect(Set(told.map(\.cartID)) == ["customer:alice"])
        #expect(try await world.get(alice).lines.isEmpty)
    }

    @Test("follows the catalogue's prices, and keeps what is sold no more without a price")
    func repriced() async throws {
        let alice = world.customer("alice")
        try await world.put("mug", 1, alice)
        try await world.put("pin", 100, alice)
        world.catalog.set("mug", nanos: 1_000_000_000)
        #expect(try await world.get(alice).total.minorUnits == 250)
        world.catalog.set("pin", nanos: nil)
        let cart = try await world.get(alice)
        #expect(cart.lines.map(\.hasUnitPrice) == [true, false])
        #expect(cart.total.minorUnits == 100)
        #expect(try await world.remove("pin", alice).lines.map(\.sku) == ["mug"])
    }

    @Test("holds prices of one currency")
    func oneCurrency() async throws {
        let alice = world.customer("alice")
        world.catalog.set("mug", currency: "JPY")
        try await world.put("pin", 1, alice)
        let fault = await refusal { try await world.put("mug", 1, alice) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "carts.mixed_currencies")
        #expect(fault?.violations.map(\.field) == ["sku"])
        #expect(try await world.get(alice).lines.map(\.sku) == ["pin"])
        // What is alone may change its currency.
        world.catalog.set("pin", currency: "EUR")
        #expect(try await world.put("pin", 2, alice).total == Money(3, currency: "EUR"))
        try await world.remove("pin", alice)
        #expect(try await world.put("mug", 2, alice).total == Money(5, currency: "JPY"))
    }

    @Test("whose prices have come apart says what it costs in each currency, and in none together")
    func comeApart() async throws {
        let alice = world.customer("alice")
        try await world.put("mug", 2, alice)
        let before = try await world.put("pin", 2, alice)
        #expect(before.totals == [before.total])
        world.catalog.set("pin", currency: "EUR")
        let cart = try await world.get(alice)
        #expect(cart.totals == [Money(3, currency: "EUR"), Money(510, currency: "GBP")])
        #expect(!cart.hasTotal)
        let removed = try await world.remove("pin", alice)
        #expect(removed.total == Money(510, currency: "GBP"))
    }

    @Test("takes no discount: a negative price is the merchant's to give")
    func discount() async throws {
        let alice = world.customer("alice")
        try await world.put("mug", 1, alice)
        world.catalog.set("D", nanos: -2_000_000_000)
        let fault = await refusal { try await world.put("D", 1, alice) }
        #expect(fault?.reason == "carts.unknown_sku")
        world.catalog.set("D", nanos: 1)
        try await world.put("D", 1, alice)
        world.catalog.set("D", nanos: -2_000_000_000)
        #expect(try await world.get(alice).total.minorUnits == 255)
    }

    @Test("takes only what the catalogue sells, in quantities of the contract")
    func refused() async throws {
        let alice = world.customer("alice")
        let unknown = await refusal { try await world.put("nothing", 1, alice) }
        #expect(unknown?.reason == "carts.unknown_sku")
        #expect(unknown?.violations.map(\.field) == ["sku"])
        for quantity in [0, 100_001] as [UInt32] {
            let fault = await refusal { try await world.put("mug", quantity, alice) }
            #expect(fault?.violations.map(\.field) == ["quantity"])
        }
        let guest = await refusal { try await world.put("mug", 1, in: "nobody's", world.nobody) }
        #expect(guest?.reason == "carts.unknown_cart")
        #expect(try await world.published() == [])
    }

    @Test("passes it on when the catalogue is away")
    func catalogueAway() async throws {
        try await world.put("mug", 1, world.customer("alice"))
        world.catalog.leave()
        let fault = await refusal { try await world.get(world.customer("alice")) }
        #expect(fault?.code == .unavailable)
    }

    @Test("is emptied by its order, once, and then open again")
    func closed() async throws {
        let alice = world.customer("alice")
        try await world.put("mug", 1, alice)
        let first = try await world.placed("o1", cart: "me", customer: "alice")
        #expect(first == [.effect])
        #expect(try await world.get(alice).lines.isEmpty)
        #expect(try await world.published().map(\.orderID) == ["", "o1"])

        try await world.put("pin", 1, alice)
        let repeated = try await world.placed("o1", cart: "me", customer: "alice")
        #expect(repeated == [.duplicate])
        #expect(try await world.get(alice).lines.map(\.sku) == ["pin"])
    }

    @Test("is emptied only by an order of its own")
    func othersOrder() async throws {
        let guest = try await world.open()
        try await world.put("mug", 1, in: guest, world.nobody)
        try await world.put("mug", 1, world.customer("alice"))
        try await world.placed("o1", cart: "", customer: "alice")
        try await world.placed("o2", cart: "me", customer: "bob")
        #expect(try await world.get(world.customer("alice")).lines.count == 1)
        try await world.placed("o3", cart: guest, customer: "alice")
        #expect(try await world.get(guest, world.nobody).lines.isEmpty)
        #expect(try await world.get(world.customer("alice")).lines.count == 1)
    }

    @Test("is forgotten when nobody touched it for long")
    func forgotten() async throws {
        let old = try await world.open()
        try await world.put("mug", 1, in: old, world.nobody)
        world.time.advance(by: .seconds(3600))
        let young = try await world.open()
        world.time.advance(by: CartStore.retention - .seconds(1800))
        for job in world.service.jobs { try await job.run() }
        #expect(await refusal { try await world.get(old, world.nobody) }?.reason == "carts.unknown_cart")
        #expect(try await world.get(young, world.nobody).lines.isEmpty)
    }

    @Test("is forgotten in one run however many there are")
    func manyForgotten() async throws {
        for _ in 0...(2 * CartStore.purgeBatch) { _ = try await world.open() }
        world.time.advance(by: CartStore.retention + .seconds(1))
        for job in world.service.jobs { try await job.run() }
        #expect(try await world.database.read { tx in try tx.run("SELECT 1 FROM carts") }.isEmpty)
    }

    @Test("has another revision whenever its lines change, and only then")
    func revisions() async throws {
        let alice = world.customer("alice")
        #expect(try await world.get(alice).revision == "")
        let first = try await world.put("mug", 1, alice).revision
        let same = try await world.put("mug", 1, alice).revision
        let more = try await world.put("mug", 2, alice).revision
        let back = try await world.put("mug", 1, alice).revision
        #expect(same == first)
        #expect(Set([first, more, back, ""]).count == 4)
        #expect(try await world.get(alice).revision == back)
        try await world.placed("o1", cart: "me", customer: "alice")
        #expect(try await world.get(alice).revision == "")
        #expect(try await world.put("mug", 1, alice).revision != back)
    }

    @Test("holds so many lines at most")
    func linesLimit() async throws {
        let database = world.database
        let store = CartStore()
        try await database.transaction { tx in
            try store.open(.customer("alice"), in: tx)
            for number in 1...CartStore.linesLimit {
                try tx.run(
                    "INSERT INTO cart_lines (cart_id, sku, quantity) VALUES ('customer:alice', \("s\(number)"), 1)"
                )
            }
        }
        let fault = await refusal { try await world.put("mug", 1, world.customer("alice")) }
        #expect(fault?.reason == "carts.too_many_lines")
        let changed = await refusal {
            try await database.transaction { tx in try store.set("s1", to: 2, .customer("alice"), revision: "r", in: tx)
            }
        }
        #expect(changed == nil)
    }
}
