import CartsContract
import MartletContract
import MartletCore
import SharedContract
import Testing

@testable import Carts

/// Customers and SKUs whose names `String` takes for equal.
@Suite("Carts whose names look alike")
struct LookAlikeTests {
    let fixture: CartsFixture

    init() async throws { fixture = try await CartsFixture() }

    @Test("customers have carts of their own")
    func owners() async throws {
        try await fixture.put("mug", 1, by: fixture.customer("Kim"))
        #expect(try await fixture.get(fixture.customer("\u{212A}im")).lines.isEmpty)
    }

    @Test("two SKUs are two lines, each with its price")
    func lines() async throws {
        let (composed, decomposed) = ("CAF\u{C9}", "CAFE\u{301}")
        fixture.catalog.set(composed, nanos: 10_000_000_000)
        fixture.catalog.set(decomposed, nanos: 1_000_000_000)
        let alice = fixture.customer("alice")
        try await fixture.put(composed, 1, by: alice)
        let cart = try await fixture.put(decomposed, 2, by: alice)
        #expect(cart.lines.map(\.quantity) == [2, 1])
        #expect(cart.total == Money(1_200, currency: "GBP"))
        let less = try await fixture.remove(decomposed, alice)
        #expect(less.lines.map { Array($0.sku.utf8) } == [Array(composed.utf8)])
    }
}
