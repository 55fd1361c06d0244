import CartsContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTesting
import OrdersContract
import SwiftProtobuf
import Testing

@testable import Carts

@Suite("Cart with an order in flight")
struct OrderedCartTests {
    let fixture: CartsFixture
    var alice: CallContext { fixture.customer("alice") }

    init() async throws { fixture = try await CartsFixture() }

    /// What alice's cart holds.
    private func lines() async throws -> [String] {
        try await fixture.get(alice).lines.map { "\($0.quantity) \($0.sku)" }
    }

    @Test("keeps its lines until the order is sure")
    func sure() async throws {
        let version = try await fixture.put("mug", 1, by: alice).version
        try await fixture.ordered("o1", version: version, until: .confirmed)
        #expect(try await lines() == ["1 mug"])
        try await fixture.ordered("o1", version: version, until: .confirmed, .completed, isSure: true)
        #expect(try await lines() == [])
        #expect(try await fixture.get(alice).revision == "")
        #expect(try await fixture.published().map(\.orderID) == ["", "o1"])
    }

    @Test(
        "keeps its lines when the order is rejected, or cancelled at any time before it was sure",
        arguments: [.rejected, .cancelled, .completed] as [OrderChanged.Kind]
    )
    func failed(end: OrderChanged.Kind) async throws {
        let before = try await fixture.put("mug", 2, by: alice)
        try await fixture.ordered("o1", version: before.version, until: .confirmed, end)
        #expect(try await fixture.get(alice) == before)
        #expect(try await fixture.published().map(\.orderID) == [""])
    }

    @Test("keeps what was put into it since: another product, and more of the same one")
    func putSince() async throws {
        try await fixture.put("mug", 1, by: alice)
        let version = try await fixture.put("pen", 2, by: alice).version
        try await fixture.put("pin", 2, by: alice)
        let last = try await fixture.put("mug", 4, by: alice)
        try await fixture.ordered("o1", version: version, until: .confirmed, .completed, isSure: true)
        let cart = try await fixture.get(alice)
        #expect(cart.lines.map { "\($0.quantity) \($0.sku)" } == ["3 mug", "2 pin"])
        #expect(!cart.revision.isEmpty && cart.revision != last.revision && cart.version > last.version)
        #expect(cart.oldestVersion > version)
    }

    @Test("keeps what was removed and put into it again since; gives what was left of it")
    func changedSince() async throws {
        try await fixture.put("mug", 3, by: alice)
        let version = try await fixture.put("pen", 2, by: alice).version
        try await fixture.remove("pen", alice)
        try await fixture.put("pen", 2, by: alice)
        try await fixture.put("mug", 1, by: alice)
        try await fixture.put("mug", 2, by: alice)
        try await fixture.ordered("o1", version: version, until: .completed, isSure: true)
        #expect(try await lines() == ["1 mug", "2 pen"])
    }

    @Test("a second event that takes the same version takes nothing, whatever was put into it since")
    func repeated() async throws {
        let version = try await fixture.put("mug", 1, by: alice).version
        try await fixture.ordered("o1", version: version, until: .completed, isSure: true)
        try await fixture.put("mug", 1, by: alice)
        try await fixture.ordered("o1", version: version, until: .completed, isSure: true)
        try await fixture.ordered("o2", version: version, until: .completed, isSure: true)
        #expect(try await lines() == ["1 mug"])
    }

    @Test("two orders of it take their units in any sequence", arguments: [["o1", "o2"], ["o2", "o1"]])
    func twoOrders(sequence: [String]) async throws {
        var versions = ["o1": try await fixture.put("mug", 1, by: alice).version]
        try await fixture.remove("mug", alice)
        versions["o2"] = try await fixture.put("pen", 2, by: alice).version
        try await fixture.put("pin", 1, by: alice)
        for order in sequence {
            try await fixture.ordered(order, version: versions[order] ?? 0, until: .completed, isSure: true)
        }
        #expect(try await lines() == ["1 pin"])
    }

    @Test("of a guest keeps what was put into it since, and no other cart changes")
    func guest() async throws {
        let guest = try await fixture.open()
        let before = try await fixture.put("mug", 1, by: alice)
        let version = try await fixture.put("mug", 1, in: guest, by: fixture.anonymous).version
        try await fixture.put("pin", 1, in: guest, by: fixture.anonymous)
        try await fixture.ordered("o1", version: version, cart: guest, until: .completed, isSure: true)
        try await fixture.ordered("o2", version: version, cart: "unknown", until: .completed, isSure: true)
        #expect(try await fixture.get(guest, fixture.anonymous).lines.map(\.sku) == ["pin"])
        #expect(try await fixture.get(alice) == before)
    }

    @Test("a line of an earlier version, which knew no parts, is taken as one")
    func earlierVersion() async throws {
        try await fixture.database.transaction { tx in
            try tx.run(
                "INSERT INTO carts (id, touched_at, revision) VALUES ('customer:alice', \(tx.date.microseconds), 'r')"
            )
            try tx.run("INSERT INTO cart_lines (cart_id, sku, quantity) VALUES ('customer:alice', 'mug', 2)")
        }
        let cart = try await fixture.get(alice)
        #expect(cart.linesRevision == "r" && cart.version > 0 && cart.oldestVersion == cart.version)
        try await fixture.put("mug", 3, by: alice)
        try await fixture.ordered("o1", version: cart.version, until: .completed, isSure: true)
        #expect(try await lines() == ["1 mug"])
    }

    @Test("has none of its versions again when it was deleted and is used again")
    func deleted() async throws {
        for quantity in 1...5 as ClosedRange<UInt32> { try await fixture.put("mug", quantity, by: alice) }
        let before = try await fixture.get(alice)
        fixture.time.advance(by: CartStore.retention + .seconds(1))
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        #expect(try await fixture.get(alice).version == 0)
        let after = try await fixture.put("mug", 1, by: alice)
        #expect(after.oldestVersion > before.version)
    }
}
