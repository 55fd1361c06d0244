import MartletCore
import MartletEventSourcing
import MartletSQL
import MartletTesting
import MartletWorkflows
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("Return workflow")
struct ReturnWorkflowTests {
    let fixture: OrdersFixture

    init() async throws { fixture = try await OrdersFixture() }

    @Test("refunds and restocks a part, then the rest")
    func partsAndWhole() async throws {
        let id = try await fixture.completed(["mug": 3, "POST": 1])
        #expect(try await fixture.returnUnits(of: id, as: "r1", ["mug": 1]) == 255)
        #expect(try await fixture.order(id).lines.map(\.returned) == [1, 0])
        #expect(try await fixture.order(id).refunded.minorUnits == 0)
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(id).refunded.minorUnits == 255)
        #expect(fixture.inventory.stock["mug"] == 8)

        #expect(try await fixture.returnUnits(of: id, as: "r2", ["mug": 2, "POST": 1]) == 910)
        try await fixture.runUntilIdle()
        let order = try await fixture.order(id)
        #expect(order.refunded == order.captured)
        #expect(order.lines.map(\.returned) == [3, 1])
        #expect(fixture.inventory.stock["mug"] == 10)
        #expect(fixture.payments.refunded == 1_165)
        #expect(
            try await fixture.timeline(id).suffix(4) == [
                "return_requested", "return_completed", "return_requested", "return_completed",
            ]
        )
        #expect(try await fixture.publishedKinds(id).suffix(2) == [.returned, .returned])
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test("happens once per id")
    func once() async throws {
        let id = try await fixture.completed()
        for _ in 1...2 {
            let refund = try await fixture.returnUnits(of: id, as: "r1", ["mug": 1])
            #expect(refund == 255)
            try await fixture.runUntilIdle()
        }
        #expect(fixture.payments.refunded == 255)
        #expect(fixture.inventory.stock["mug"] == 9)
        let other = await refusal { try await fixture.returnUnits(of: id, as: "r1", ["mug": 2]) }
        #expect(other?.code == .invalidArgument)
        #expect(other?.reason == "orders.return_mismatch")
    }

    @Test("too many units, a reserved id, a line without SKU and a pending order are refused")
    func refused() async throws {
        let id = try await fixture.completed()
        let much = await refusal { try await fixture.returnUnits(of: id, as: "r1", ["mug": 3]) }
        #expect(much?.code == .invalidArgument)
        #expect(much?.reason == "orders.return_exceeds_order")
        #expect(much?.violations.map(\.field) == ["lines"])
        let reserved = await refusal { try await fixture.returnUnits(of: id, as: Order.cancelReturnID, ["mug": 1]) }
        #expect(reserved?.violations.map(\.field) == ["return_id"])
        let nameless = await refusal { try await fixture.returnUnits(of: id, as: "r1", ["": 1]) }
        #expect(nameless?.violations.map(\.field) == ["lines[0].line"])
        let pending = try await fixture.place().orderID
        let early = await refusal { try await fixture.returnUnits(of: pending, as: "r1", ["mug": 1]) }
        #expect(early?.code == .failedPrecondition)
        #expect(early?.reason == "orders.not_returnable")
    }

    @Test("a line is selected by its number")
    func byLine() async throws {
        let id = try await fixture.completed(["mug": 1, "pen": 1, "mug": 2])
        let request = ReturnOrderRequest.with {
            $0.orderID = id
            $0.returnID = "r1"
            $0.lines = [
                .with {
                    $0.line = 3
                    $0.quantity = 2
                }
            ]
        }
        let refund = try await fixture.client.returnOrder(request, context: fixture.alice).refund
        #expect(refund.minorUnits == 510)
        #expect(try await fixture.order(id).lines.map(\.returned) == [0, 0, 2])
    }

    @Test("the longest id of the contract is accepted")
    func longestName() async throws {
        let id = try await fixture.completed()
        try await fixture.returnUnits(of: id, as: String(repeating: "r", count: 64), ["mug": 1])
        try await fixture.runUntilIdle()
        #expect(try await fixture.order(id).refunded.minorUnits == 255)
        #expect(fixture.inventory.stock["mug"] == 9)
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test(
        "completes despite lost responses",
        arguments: ["refund", "receive"],
        [Script.InjectedFault.requestLost, .responseLost]
    )
    func lostResponses(step: String, fault: Script.InjectedFault) async throws {
        let id = try await fixture.completed()
        fixture.payments.script.inject(step, fault)
        fixture.inventory.script.inject(step, fault)
        try await fixture.returnUnits(of: id, as: "r1", ["mug": 2])
        try await fixture.runUntilIdle()
        #expect(fixture.payments.refunded == 510)
        #expect(fixture.inventory.stock["mug"] == 10)
        #expect(try await fixture.order(id).refunded.minorUnits == 510)
    }

    @Test("the summary counts returns and refunds")
    func summary() async throws {
        let id = try await fixture.completed()
        _ = try await fixture.completed(["pen": 5])
        try await fixture.returnUnits(of: id, as: "r1", ["mug": 1])
        let before = try await fixture.summary()
        #expect(before.captured.minorUnits == 510)
        #expect(before.refunded.minorUnits == 0)
        #expect(before.returns == 1)
        #expect(before.openReturns == 1)
        try await fixture.runUntilIdle()
        let after = try await fixture.summary()
        #expect(after.refunded.minorUnits == 255)
        #expect(after.openReturns == 0)
        #expect(after.statuses.map(\.status) == [.completed, .rejected])
        #expect(after.statuses.map(\.orders) == [1, 1])
        #expect(after.statuses.map(\.total.minorUnits) == [510, 50])
        let fault = await refusal { try await fixture.client.getSummary(GetSummaryRequest(), context: fixture.alice) }
        #expect(fault?.code == .permissionDenied)
    }

    @Test("the summary is by currency, and counts rejections by reason")
    func currencies() async throws {
        fixture.catalog.set("yen", pence: 30_000)
        fixture.inventory.setStock("yen", 5)
        let pounds = try await fixture.completed()
        #expect(try await fixture.summary().sums.map(\.currency) == ["GBP"])
        let yen = try await fixture.completed(["yen": 2])
        _ = try await fixture.completed(["pen": 500])
        try await fixture.place(["mug": 1], method: "declined")
        try await fixture.runUntilIdle()
        try await fixture.returnUnits(of: yen, as: "r1", ["yen": 1])
        try await fixture.runUntilIdle()
        let summary = try await fixture.summary()
        #expect(summary.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(summary.sums.map(\.orders) == [3, 1])
        #expect(summary.sums.map(\.captured) == [Money(510, currency: "GBP"), Money(600, currency: "JPY")])
        #expect(summary.sums.map(\.refunded) == [Money(0, currency: "GBP"), Money(300, currency: "JPY")])
        // Amounts of different currencies are not added.
        #expect(!summary.hasCaptured)
        #expect(!summary.hasRefunded)
        #expect(summary.rejections.map(\.reason) == ["inventory.insufficient_stock", "payments.declined"])
        #expect(summary.rejections.map(\.orders) == [1, 1])
        let page = try await fixture.client.listOrders(ListOrdersRequest(), context: fixture.merchant)
        let reasons = Dictionary(uniqueKeysWithValues: page.orders.map { ($0.orderID, $0.reason) })
        #expect(reasons[pounds] == "")
        #expect(reasons.values.sorted() == ["", "", "inventory.insufficient_stock", "payments.declined"])
    }

    @Test("an id that is not visible ASCII is refused", arguments: ["zurück", "r 1", "r\u{7}", "😀"])
    func names(name: String) async throws {
        let id = try await fixture.completed()
        let fault = await refusal { try await fixture.returnUnits(of: id, as: name, ["mug": 1]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["return_id"])
        #expect(try await fixture.timeline(id).last == "completed")
    }

    @Test("the returns of an order are limited; a repeat is accepted at the limit")
    func returnsLimit() throws {
        let lines = PricedLine.goods("pen", Order.returnsLimit + 1, pence: 1)
        var order = try Order.completed(lines)
        let item = ReturnItem(line: 0, code: nil, quantity: 1)
        for number in 1...Order.returnsLimit { order.apply(try order.requestReturn(id: "r\(number)", [item])) }
        #expect(throws: OrderError.tooManyReturns(limit: Order.returnsLimit)) {
            try order.requestReturn(id: "one more", [item])
        }
        #expect(try order.requestReturn(id: "r1", [item]).isEmpty)
    }

    @Test(
        "the read model rebuilt from the events equals the stored one",
        arguments: 0..<10 as Range<UInt64>
    )
    func rebuild(seed: UInt64) async throws {
        let chance = SeededEntropy(seed: seed)
        for number in 0..<12 {
            let id = try await fixture.place(["mug": UInt32(chance.number(below: 2)) + 1], key: "k\(number)").orderID
            if chance.number(below: 4) == 0 { try await fixture.cancel(id) }
            if chance.number(below: 2) == 0 { try await fixture.runUntilIdle() }
            if chance.number(below: 3) == 0 {
                _ = await refusal { try await fixture.returnUnits(of: id, as: "r1", ["mug": 1]) }
            }
            fixture.time.advance(by: .seconds(1))
        }
        let stored = try await fixture.summaryRows()
        #expect(stored.count == 12)
        try await fixture.database.transaction { tx in
            try EventStore(projections: [OrderSummary.projection], upcasters: []).replayAll(in: tx)
        }
        #expect(try await fixture.summaryRows() == stored)
    }
}
