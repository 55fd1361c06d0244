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

@Suite("Cart")
struct CartTests {
    let fixture: CartsFixture

    init() async throws { fixture = try await CartsFixture() }

    @Test("a customer's cart always exists; its lines are sorted by SKU and have a total")
    func customer() async throws {
        let alice = fixture.customer("alice")
        let empty = try await fixture.get(alice)
        #expect(empty.cartID == "me")
        #expect(empty.lines.isEmpty)
        #expect(empty.total.minorUnits == 0)

        try await fixture.put("pin", 1, by: alice)
        let cart = try await fixture.put("mug", 2, by: alice)
        #expect(cart.lines.map(\.sku) == ["mug", "pin"])
        #expect(cart.lines.map(\.quantity) == [2, 1])
        // 5.10 and 0.015, rounded once.
        #expect(cart.total == Money(512, currency: "GBP"))
        #expect(try await fixture.get(alice) == cart)
    }

    @Test("the total is rounded once, half to even", arguments: [1: 0, 2: 1, 3: 2, 5: 2, 7: 4] as [UInt32: Int64])
    func rounding(pens: UInt32, pence: Int64) async throws {
        let cart = try await fixture.put("pen", pens, by: fixture.customer("alice"))
        #expect(cart.total.minorUnits == pence)
    }

    @Test("is not accessible to other customers or guests")
    func isolation() async throws {
        let guest = try await fixture.open()
        let other = try await fixture.open()
        #expect(guest != other)
        try await fixture.put("mug", 1, by: fixture.customer("alice"))
        try await fixture.put("pen", 2, in: guest, by: fixture.anonymous)
        #expect(try await fixture.get(fixture.customer("bob")).lines.isEmpty)
        #expect(try await fixture.get(other, fixture.anonymous).lines.isEmpty)
        #expect(try await fixture.get(guest, fixture.anonymous).lines.map(\.sku) == ["pen"])
        // Nor with a name that looks like a table key.
        for name in ["alice", "customer:alice", "guest:\(guest)"] {
            let fault = await refusal { try await fixture.get(name, fixture.customer("bob")) }
            #expect(fault?.code == .notFound)
            #expect(fault?.reason == "carts.unknown_cart")
            #expect(fault?.violations.map(\.field) == ["cart_id"])
        }
    }

    @Test("two guests never share a cart, even with the same idempotency key")
    func guestsKey() async throws {
        let context = CallContext(idempotencyKey: "1")
        let carts = [try await fixture.open(context), try await fixture.open(context)]
        #expect(carts[0] != carts[1])
    }

    @Test("the cart me needs a signed-in customer")
    func signIn() async throws {
        let fault = await refusal { try await fixture.get(fixture.anonymous) }
        #expect(fault?.code == .unauthenticated)
    }

    @Test("a service reads it on behalf of its customer")
    func onBehalf() async throws {
        try await fixture.put("mug", 1, by: fixture.customer("alice"))
        let orders = fixture.customer("alice").outgoing(as: "orders")
        #expect(try await fixture.get(orders).lines.map(\.sku) == ["mug"])
    }

    @Test("quantities are set; only a change is published")
    func changes() async throws {
        let alice = fixture.customer("alice")
        for _ in 1...2 { try await fixture.put("mug", 2, by: alice) }
        try await fixture.put("mug", 3, by: alice)
        for _ in 1...2 { try await fixture.remove("mug", alice) }
        let events = try await fixture.published()
        #expect(events.map { $0.lines.map(\.quantity) } == [[2], [3], []])
        #expect(Set(events.map(\.cartID)) == ["customer:alice"])
        #expect(try await fixture.get(alice).lines.isEmpty)
    }

    @Test("a guest's cart has no events, and so no key that is kept permanently")
    func guestChanges() async throws {
        let cart = try await fixture.open()
        try await fixture.put("mug", 2, in: cart, by: fixture.anonymous)
        try await fixture.remove("mug", from: cart, fixture.anonymous)
        #expect(try await fixture.published() == [])
        let keys = try await fixture.database.read { tx in try tx.run("SELECT topic, key FROM audit_outbox_keys") }
        #expect(keys == [])
    }

    @Test("follows the catalogue's prices; a line that is no longer sold stays without a price")
    func repriced() async throws {
        let alice = fixture.customer("alice")
        try await fixture.put("mug", 1, by: alice)
        try await fixture.put("pin", 100, by: alice)
        fixture.catalog.set("mug", nanos: 1_000_000_000)
        #expect(try await fixture.get(alice).total.minorUnits == 250)
        fixture.catalog.set("pin", nanos: nil)
        let cart = try await fixture.get(alice)
        #expect(cart.lines.map(\.hasUnitPrice) == [true, false])
        #expect(cart.total.minorUnits == 100)
        #expect(try await fixture.remove("pin", alice).lines.map(\.sku) == ["mug"])
    }

    @Test("has prices in one currency")
    func oneCurrency() async throws {
        let alice = fixture.customer("alice")
        fixture.catalog.set("mug", currency: "JPY")
        try await fixture.put("pin", 1, by: alice)
        let fault = await refusal { try await fixture.put("mug", 1, by: alice) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "carts.mixed_currencies")
        #expect(fault?.violations.map(\.field) == ["sku"])
        #expect(try await fixture.get(alice).lines.map(\.sku) == ["pin"])
        // A single line may change its currency.
        fixture.catalog.set("pin", currency: "EUR")
        #expect(try await fixture.put("pin", 2, by: alice).total == Money(3, currency: "EUR"))
        try await fixture.remove("pin", alice)
        #expect(try await fixture.put("mug", 2, by: alice).total == Money(5, currency: "JPY"))
    }

    @Test("prices that have become mixed have a total per currency and no common total")
    func mixedTotals() async throws {
        let alice = fixture.customer("alice")
        try await fixture.put("mug", 2, by: alice)
        let before = try await fixture.put("pin", 2, by: alice)
        #expect(before.totals == [before.total])
        fixture.catalog.set("pin", currency: "EUR")
        let cart = try await fixture.get(alice)
        #expect(cart.totals == [Money(3, currency: "EUR"), Money(510, currency: "GBP")])
        #expect(!cart.hasTotal)
        let removed = try await fixture.remove("pin", alice)
        #expect(removed.total == Money(510, currency: "GBP"))
    }

    @Test("a product with a negative price cannot be added")
    func discount() async throws {
        let alice = fixture.customer("alice")
        try await fixture.put("mug", 1, by: alice)
        fixture.catalog.set("D", nanos: -2_000_000_000)
        let fault = await refusal { try await fixture.put("D", 1, by: alice) }
        #expect(fault?.reason == "carts.unknown_sku")
        fixture.catalog.set("D", nanos: 1)
        try await fixture.put("D", 1, by: alice)
        fixture.catalog.set("D", nanos: -2_000_000_000)
        #expect(try await fixture.get(alice).total.minorUnits == 255)
    }

    @Test("an unknown SKU, a quantity out of range and an unknown cart are refused")
    func refused() async throws {
        let alice = fixture.customer("alice")
        let unknown = await refusal { try await fixture.put("nothing", 1, by: alice) }
        #expect(unknown?.reason == "carts.unknown_sku")
        #expect(unknown?.violations.map(\.field) == ["sku"])
        for quantity in [0, 100_001] as [UInt32] {
            let fault = await refusal { try await fixture.put("mug", quantity, by: alice) }
            #expect(fault?.violations.map(\.field) == ["quantity"])
        }
        let guest = await refusal { try await fixture.put("mug", 1, in: "unknown", by: fixture.anonymous) }
        #expect(guest?.reason == "carts.unknown_cart")
        #expect(try await fixture.published() == [])
    }

    @Test("is unavailable while the catalogue is unavailable")
    func catalogueUnavailable() async throws {
        try await fixture.put("mug", 1, by: fixture.customer("alice"))
        fixture.catalog.makeUnavailable()
        let fault = await refusal { try await fixture.get(fixture.customer("alice")) }
        #expect(fault?.code == .unavailable)
    }

    @Test("is emptied by the order of a service that knows no versions, once, and can be used again")
    func emptied() async throws {
        let alice = fixture.customer("alice")
        try await fixture.put("mug", 1, by: alice)
        let first = try await fixture.placed("o1", cart: "me", customer: "alice")
        #expect(first == [.handle])
        #expect(try await fixture.get(alice).lines.isEmpty)
        #expect(try await fixture.published().map(\.orderID) == ["", "o1"])

        try await fixture.put("pin", 1, by: alice)
        let repeated = try await fixture.placed("o1", cart: "me", customer: "alice")
        #expect(repeated == [.duplicate])
        #expect(try await fixture.get(alice).lines.map(\.sku) == ["pin"])
    }

    @Test("is emptied only by its own order")
    func othersOrder() async throws {
        let guest = try await fixture.open()
        try await fixture.put("mug", 1, in: guest, by: fixture.anonymous)
        try await fixture.put("mug", 1, by: fixture.customer("alice"))
        try await fixture.placed("o1", cart: "", customer: "alice")
        try await fixture.placed("o2", cart: "me", customer: "bob")
        #expect(try await fixture.get(fixture.customer("alice")).lines.count == 1)
        try await fixture.placed("o3", cart: guest, customer: "alice")
        #expect(try await fixture.get(guest, fixture.anonymous).lines.isEmpty)
        #expect(try await fixture.get(fixture.customer("alice")).lines.count == 1)
    }

    @Test("is deleted after the retention without use")
    func retention() async throws {
        let old = try await fixture.open()
        try await fixture.put("mug", 1, in: old, by: fixture.anonymous)
        fixture.time.advance(by: .seconds(3600))
        let young = try await fixture.open()
        fixture.time.advance(by: CartStore.retention - .seconds(1800))
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        #expect(await refusal { try await fixture.get(old, fixture.anonymous) }?.reason == "carts.unknown_cart")
        #expect(try await fixture.get(young, fixture.anonymous).lines.isEmpty)
    }

    @Test("one purge run deletes more than one batch")
    func purgeBatches() async throws {
        for _ in 0...(2 * CartStore.purgeBatch) { _ = try await fixture.open() }
        fixture.time.advance(by: CartStore.retention + .seconds(1))
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        #expect(try await fixture.database.read { tx in try tx.run("SELECT 1 FROM carts") }.isEmpty)
    }

    @Test("its revision changes with its prices, the revision of its lines does not")
    func shownRevision() async throws {
        let alice = fixture.customer("alice")
        try await fixture.put("mug", 1, by: alice)
        let before = try await fixture.put("pin", 1, by: alice)
        fixture.catalog.set("mug", nanos: 99_000_000_000)
        let raised = try await fixture.get(alice)
        fixture.catalog.set("mug", currency: "EUR")
        let other = try await fixture.get(alice)
        fixture.catalog.set("mug", nanos: nil)
        let unsold = try await fixture.get(alice)
        #expect(Set([before, raised, other, unsold].map(\.revision)).count == 4)
        #expect(Set([before, raised, other, unsold].map(\.linesRevision)).count == 1)
        #expect(Set([before, raised, other, unsold].map(\.version)).count == 1)
        fixture.catalog.set("mug", nanos: 2_550_000_000)
        fixture.catalog.set("mug", currency: "GBP")
        #expect(try await fixture.get(alice) == before)
    }

    @Test("its revision changes when its lines change, and not otherwise")
    func revisions() async throws {
        let alice = fixture.customer("alice")
        #expect(try await fixture.get(alice).revision == "")
        let first = try await fixture.put("mug", 1, by: alice).revision
        let same = try await fixture.put("mug", 1, by: alice).revision
        let more = try await fixture.put("mug", 2, by: alice).revision
        let back = try await fixture.put("mug", 1, by: alice).revision
        #expect(same == first)
        #expect(Set([first, more, back, ""]).count == 4)
        #expect(try await fixture.get(alice).revision == back)
        try await fixture.placed("o1", cart: "me", customer: "alice")
        #expect(try await fixture.get(alice).revision == "")
        #expect(try await fixture.put("mug", 1, by: alice).revision != back)
    }

    @Test("has a limited number of lines")
    func linesLimit() async throws {
        let database = fixture.database
        let store = CartStore()
        try await database.transaction { tx in
            try store.open(.customer("alice"), in: tx)
            for number in 1...CartStore.linesLimit {
                try tx.run(
                    "INSERT INTO cart_lines (cart_id, sku, quantity) VALUES ('customer:alice', \("s\(number)"), 1)"
                )
            }
        }
        let fault = await refusal { try await fixture.put("mug", 1, by: fixture.customer("alice")) }
        #expect(fault?.reason == "carts.too_many_lines")
        let changed = await refusal {
            try await database.transaction { tx in try store.set("s1", to: 2, .customer("alice"), revision: "r", in: tx)
            }
        }
        #expect(changed == nil)
    }
}
