import MartletContract
import MartletCore
import MartletEventSourcing
import MartletHost
import MartletSQL
import MartletTesting
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("What a customer wrote")
struct CustomerTextTests {
    private static let words = "it is for my neighbour Ms Smith"

    let fixture: OrdersFixture

    init() async throws { fixture = try await OrdersFixture() }

    private func cancel(_ id: String, _ words: String) async throws {
        let request = CancelOrderRequest.with {
            $0.orderID = id
            $0.reason = words
        }
        _ = try await fixture.client.cancelOrder(request, context: fixture.alice)
    }

    /// An order that its customer cancelled before the capture.
    private func cancelled(because words: String = Self.words) async throws -> String {
        let id = try await fixture.place().orderID
        try await cancel(id, words)
        try await fixture.runUntilIdle()
        return id
    }

    /// The text as the API shows it: in the order, in the list of orders, and in the timeline.
    private func shown(_ id: String) async throws -> [String] {
        let list = try await fixture.client.listOrders(ListOrdersRequest(), context: fixture.alice).orders
        let timeline = try await fixture.client.getTimeline(.with { $0.orderID = id }, context: fixture.alice).entries
        return try await [fixture.order(id).reason] + list.filter { $0.orderID == id }.map(\.reason)
            + timeline.filter { ["cancel_requested", "cancelled"].contains($0.event) }.map(\.detail)
    }

    private func tables(with text: String = Self.words) async throws -> [String] {
        try await fixture.database.read { tx in try StoredTextSearch.tables(containing: text, in: tx) }
    }

    @Test("is shown where it was, and stands in one table")
    func shown() async throws {
        let id = try await cancelled()
        #expect(try await shown(id) == [Self.words, Self.words, Self.words, Self.words])
        #expect(try await tables() == ["customer_texts"])
        let rows = try await fixture.database.read { tx in
            try tx.run("SELECT customer_id FROM audit_customer_texts").map { try $0.text(0) }
        }
        #expect(rows == ["alice"])
    }

    @Test("is not stored again by a repeat, nor by a cancel that is refused")
    func repeated() async throws {
        let id = try await cancelled()
        try await cancel(id, "another one")
        #expect(try await shown(id)[0] == Self.words)
        #expect(try await tables(with: "another one") == [])
        let rejected = try await fixture.completed(["pen": 2])
        #expect(await refusal { try await cancel(rejected, "a refused one") }?.reason == "orders.not_cancellable")
        #expect(try await tables(with: "a refused one") == [])
    }

    @Test("is gone at the end of its retention, without an error, and the job deletes it")
    func retention() async throws {
        let id = try await cancelled()
        fixture.time.advance(by: CustomerTexts.retention)
        #expect(try await shown(id) == [Self.words, Self.words, Self.words, Self.words])
        fixture.time.advance(by: .milliseconds(1))
        #expect(try await shown(id) == ["", "", "", ""])
        #expect(try await tables() == ["customer_texts"])
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        #expect(try await tables() == [])
        #expect(try await fixture.order(id).status == .cancelled)
        // A later request does not bring one back.
        try await cancel(id, "another one")
        #expect(try await shown(id) == ["", "", "", ""])
        #expect(try await tables(with: "another one") == [])
    }

    @Test("is gone after an erasure, without an error")
    func erased() async throws {
        let id = try await cancelled()
        try await fixture.database.transaction { tx in
            try tx.run("DELETE FROM customer_texts WHERE customer_id = 'alice'")
        }
        #expect(try await shown(id) == ["", "", "", ""])
        #expect(try await tables() == [])
    }

    @Test("more than one batch is deleted by one run of the job")
    func batches() async throws {
        let count = 2 * CustomerTexts.purgeBatch + 1
        try await fixture.database.transaction { tx in
            for number in 0..<count {
                try CustomerTexts.store(CustomerText(id: "t\(number)", text: Self.words), of: "alice", in: tx)
            }
        }
        fixture.time.advance(by: CustomerTexts.retention + .seconds(1))
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        #expect(try await tables() == [])
    }

    @Test("nothing is stored for a customer who wrote nothing")
    func nothing() async throws {
        let id = try await cancelled(because: "")
        #expect(try await shown(id) == ["", "", "", ""])
        let rows = try await fixture.database.read { tx in try tx.run("SELECT 1 FROM customer_texts") }
        #expect(rows.isEmpty)
    }

    @Test("a merchant's repeated request shows it, and the stored response does not have it")
    func storedResponse() async throws {
        let request = PlaceAgreedOrderRequest.with {
            $0.reference = "536365"
            $0.customerID = "alice"
            $0.paymentMethod = "pm_test_ok"
            $0.lines = [
                .with {
                    $0.sku = "mug"
                    $0.quantity = 2
                    $0.unitPrice = UnitPrice(Amount(nanos: 2_550_000_000), currency: "GBP")
                }
            ]
        }
        var merchant = fixture.merchant
        merchant.idempotencyKey = "first"
        let id = try await fixture.client.placeAgreedOrder(request, context: merchant).order.orderID
        try await cancel(id, Self.words)
        try await fixture.runUntilIdle()
        merchant.idempotencyKey = "second"
        for _ in 1...2 {
            let order = try await fixture.client.placeAgreedOrder(request, context: merchant).order
            #expect(order.status == .cancelled)
            #expect(order.reason == Self.words)
        }
        #expect(try await tables() == ["customer_texts"])
    }

    @Test("the read model is rebuilt with the id")
    func rebuilt() async throws {
        let id = try await cancelled()
        let before = try await fixture.summaryRows()
        try await fixture.database.transaction { tx in
            try EventStore(projections: [OrderSummary.projection], upcasters: OrderEvent.upcasters).replayAll(in: tx)
        }
        #expect(try await fixture.summaryRows() == before)
        #expect(try await shown(id)[1] == Self.words)
    }
}
