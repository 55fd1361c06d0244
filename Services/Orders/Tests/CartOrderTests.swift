import MartletCore
import MartletEventSourcing
import MartletSQL
import MartletTesting
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("Order of a cart")
struct CartOrderTests {
    let fixture: OrdersFixture

    init() async throws {
        fixture = try await OrdersFixture()
        fixture.carts.setVersion(7, oldest: 5)
        fixture.inventory.setStock("pen", 10)
    }

    private func place(_ key: String, method: String = "pm_test_ok") async throws -> String {
        try await fixture.place([:], cart: "me", method: method, key: key).orderID
    }

    /// The reason why alice's cart cannot be ordered; `nil` when it was.
    private func refused(_ key: String) async -> Reason? { await refusal { try await place(key) }?.reason }

    @Test("takes the units of its version with the event of its completion, and with no other")
    func takes() async throws {
        let id = try await place("k1")
        try await fixture.runUntilIdle()
        let events = try await fixture.published(id)
        #expect(events.map(\.kind) == [.placed, .confirmed, .completed])
        #expect(events.map(\.cartID) == ["me", "me", "me"])
        #expect(events.map(\.cartVersion) == [7, 7, 7])
        #expect(events.map(\.takesCart) == [false, false, true])
    }

    @Test(
        "takes nothing when it is rejected or cancelled, even during the capture",
        arguments: ["", "confirm", "capture"]
    )
    func takesNothing(cancel step: String) async throws {
        let fixture = fixture
        let id = try await place("k1", method: step.isEmpty ? "declined" : "pm_test_ok")
        let cancel: @Sendable () async throws -> Void = { try await fixture.cancel(id) }
        if !step.isEmpty {
            fixture.inventory.script.during(step, cancel)
            fixture.payments.script.during(step, cancel)
        }
        try await fixture.runUntilIdle()
        #expect(try await fixture.published(id).count { $0.takesCart } == 0)
        #expect(
            try await fixture.published(id).last?.kind
                == (step == "capture" ? .returned : step.isEmpty ? .rejected : .cancelled)
        )
    }

    @Test("without a cart takes nothing")
    func withoutCart() async throws {
        let id = try await fixture.completed()
        #expect(try await fixture.published(id).allSatisfy { $0.cartVersion == 0 && !$0.takesCart })
    }

    @Test("a cart whose order was rejected can be ordered again, unchanged")
    func rejected() async throws {
        let first = try await place("k1", method: "declined")
        #expect(await refused("k2") == "orders.cart_ordered")
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(first).status == .rejected)
        let second = try await place("k2")
        #expect(second != first)
        #expect(await refused("k3") == "orders.cart_ordered")
        // The first key stays that of the first order.
        #expect(try await place("k1", method: "declined") == first)
    }

    @Test("a cart can be ordered again as soon as a cancel of its order is requested, before and after the completion")
    func cancelled() async throws {
        let first = try await place("k1")
        try await fixture.cancel(first)
        let second = try await place("k2")
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(first).status == .cancelled)
        #expect(await refused("k3") == "orders.cart_ordered")
        try await fixture.cancel(second)
        #expect(await refused("k3") == nil)
    }

    @Test("a changed cart cannot be ordered while it holds units of another order, in flight or complete")
    func overlapping() async throws {
        _ = try await place("k1")
        fixture.carts.changeRevisions()
        fixture.carts.setVersion(8, oldest: 5)
        #expect(await refused("k2") == "orders.cart_ordered")
        try await fixture.runUntilIdle()
        fixture.carts.setVersion(9, oldest: 7)
        let fault = await refusal { try await place("k2") }
        #expect(fault?.reason == "orders.cart_ordered")
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.violations.map(\.field) == ["cart_id"])
        // The cart of another customer has the same name.
        #expect(await refusal { try await fixture.place([:], cart: "me", by: fixture.bob) } == nil)
        fixture.carts.setVersion(9, oldest: 8)
        #expect(await refused("k2") == nil)
    }

    @Test("carts that know no versions are ordered once for each revision, and emptied when they are")
    func earlierCarts() async throws {
        fixture.carts.setVersion(0, oldest: 0)
        let id = try await place("k1")
        #expect(await refused("k2") == "orders.cart_ordered")
        try await fixture.runUntilIdle()
        #expect(try await fixture.published(id).allSatisfy { $0.cartVersion == 0 && !$0.takesCart })
        fixture.carts.changeRevisions()
        #expect(await refused("k2") == nil)
    }

    @Test("the read model is the same after a replay, with two orders of one revision")
    func replayed() async throws {
        // Several, as a replay reads the streams by their names.
        for number in 0..<4 {
            _ = try await place("declined-\(number)", method: "declined")
            try await fixture.runUntilIdle()
        }
        _ = try await place("paid")
        try await fixture.runUntilIdle()
        let live = try await fixture.summaryRows()
        try await fixture.database.transaction { tx in
            try EventStore(projections: [OrderSummary.projection], upcasters: []).replayAll(in: tx)
        }
        #expect(try await fixture.summaryRows() == live)
        #expect(await refused("again") == "orders.cart_ordered")
    }

    // MARK: What the customer was shown

    @Test("is placed when total and cart are what the customer was shown")
    func expected() async throws {
        let order = try await fixture.place(
            [:],
            cart: "me",
            expecting: Money(520, currency: "GBP"),
            revision: "alice/1/shown"
        )
        #expect(order.total.minorUnits == 520)
        let lines = try await fixture.place(["mug": 1], expecting: Money(255, currency: "GBP"))
        #expect(lines.total.minorUnits == 255)
    }

    @Test("another total is refused with both, whichever way it changed; nothing is stored")
    func otherTotal() async throws {
        fixture.catalog.set("mug", pence: 9_900)
        let fault = await refusal {
            try await fixture.place(["mug": 1], expecting: Money(2_500, currency: "GBP"), key: "k1")
        }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "orders.not_as_expected")
        #expect(fault?.violations.map(\.field) == ["expected_total"])
        let total = "expected_total is 2500 minor units of GBP, would be 9900 minor units of GBP"
        #expect(fault?.detail == "\(total): the order is not what was shown")
        for other in [Money(9_901, currency: "GBP"), Money(9_900, currency: "EUR"), Money(0, currency: "GBP")] {
            let fault = await refusal { try await fixture.place(["mug": 1], expecting: other) }
            #expect(fault?.reason == "orders.not_as_expected")
        }
        #expect(try await fixture.summaryRows().isEmpty)
        // The refusal has not used the key.
        let order = try await fixture.place(["mug": 1], expecting: Money(9_900, currency: "GBP"), key: "k1")
        #expect(order.total.minorUnits == 9_900)
    }

    @Test("another revision is refused, and so is one whose prices changed after the cart was read")
    func otherRevision() async throws {
        let other = await refusal { try await fixture.place([:], cart: "me", revision: "alice/0/shown") }
        #expect(other?.reason == "orders.not_as_expected")
        #expect(other?.violations.map(\.field) == ["expected_revision"])
        #expect(other?.message.contains("alice/0/shown") == true)
        #expect(other?.message.contains("alice/1/shown") == true)
        fixture.catalog.set("pen", pence: 11)
        let moved = await refusal { try await fixture.place([:], cart: "me", revision: "alice/1/shown") }
        #expect(moved?.violations.map(\.field) == ["expected_revision"])
        let both = await refusal {
            try await fixture.place([:], cart: "me", expecting: Money(520, currency: "GBP"), revision: "alice/1/shown")
        }
        #expect(both?.violations.map(\.field) == ["expected_total", "expected_revision"])
        #expect(both?.detail == both?.message)
        #expect(try await fixture.summaryRows().isEmpty)
        #expect(await refused("k1") == nil)
    }

    @Test("a revision without a cart is refused")
    func revisionWithoutCart() async throws {
        let fault = await refusal { try await fixture.place(["mug": 1], revision: "alice/1/shown") }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["expected_revision"])
    }
}
