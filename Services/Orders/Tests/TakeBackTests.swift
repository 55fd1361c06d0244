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

@Suite("Returns, with their real tables")
struct TakeBackTests {
    let world: OrdersWorld

    init() async throws { world = try await OrdersWorld() }

    @Test("refund a part, then the rest, and put the goods back on the shelf")
    func partsAndWhole() async throws {
        let id = try await world.completed(["mug": 3, "POST": 1])
        #expect(try await world.giveBack(id, "r1", ["mug": 1]) == 255)
        #expect(try await world.order(id).lines.map(\.returned) == [1, 0])
        #expect(try await world.order(id).refunded.minorUnits == 0)
        try await world.settle()
        #expect(try await world.order(id).refunded.minorUnits == 255)
        #expect(world.stock.stock["mug"] == 8)

        #expect(try await world.giveBack(id, "r2", ["mug": 2, "POST": 1]) == 910)
        try await world.settle()
        let order = try await world.order(id)
        #expect(order.refunded == order.captured)
        #expect(order.lines.map(\.returned) == [3, 1])
        #expect(world.stock.stock["mug"] == 10)
        #expect(world.desk.refunded == 1_165)
        #expect(
            try await world.timeline(id).suffix(4) == [
                "return_requested", "return_completed", "return_requested", "return_completed",
            ]
        )
        #expect(try await world.told(id).suffix(2) == [.returned, .returned])
        #expect(try await world.unfinished().isEmpty)
    }

    @Test("happen once by their id")
    func once() async throws {
        let id = try await world.completed()
        for _ in 1...2 {
            let refund = try await world.giveBack(id, "r1", ["mug": 1])
            #expect(refund == 255)
            try await world.settle()
        }
        #expect(world.desk.refunded == 255)
        #expect(world.stock.stock["mug"] == 9)
        let other = await refusal { try await world.giveBack(id, "r1", ["mug": 2]) }
        #expect(other?.code == .invalidArgument)
        #expect(other?.reason == "orders.return_mismatch")
    }

    @Test("are of units that were ordered and are still out, of a completed order")
    func refused() async throws {
        let id = try await world.completed()
        let much = await refusal { try await world.giveBack(id, "r1", ["mug": 3]) }
        #expect(much?.code == .invalidArgument)
        #expect(much?.reason == "orders.return_exceeds_order")
        #expect(much?.violations.map(\.field) == ["lines"])
        let reserved = await refusal { try await world.giveBack(id, Order.cancelReturnID, ["mug": 1]) }
        #expect(reserved?.violations.map(\.field) == ["return_id"])
        let nameless = await refusal { try await world.giveBack(id, "r1", ["": 1]) }
        #expect(nameless?.violations.map(\.field) == ["lines[0].line"])
        let pending = try await world.place().orderID
        let early = await refusal { try await world.giveBack(pending, "r1", ["mug": 1]) }
        #expect(early?.code == .failedPrecondition)
        #expect(early?.reason == "orders.not_returnable")
    }

    @Test("may be of one line by its number")
    func byLine() async throws {
        let id = try await world.completed(["mug": 1, "pen": 1, "mug": 2])
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
        let refund = try await world.client.returnOrder(request, context: world.alice).refund
        #expect(refund.minorUnits == 510)
        #expect(try await world.order(id).lines.map(\.returned) == [0, 0, 2])
    }

    @Test("may have the longest name that the contract allows")
    func longestName() async throws {
        let id = try await world.completed()
        try await world.giveBack(id, String(repeating: "r", count: 64), ["mug": 1])
        try await world.settle()
        #expect(try await world.order(id).refunded.minorUnits == 255)
        #expect(world.stock.stock["mug"] == 9)
        #expect(try await world.unfinished().isEmpty)
    }

    @Test(
        "survive lost answers",
        arguments: ["refund", "receive"],
        [Script.Trouble.lostBeforeActing, .lostAfterActing]
    )
    func lostAnswers(step: String, trouble: Script.Trouble) async throws {
        let id = try await world.completed()
        world.desk.script.trouble(step, trouble)
        world.stock.script.trouble(step, trouble)
        try await world.giveBack(id, "r1", ["mug": 2])
        try await world.settle()
        #expect(world.desk.refunded == 510)
        #expect(world.stock.stock["mug"] == 10)
        #expect(try await world.order(id).refunded.minorUnits == 510)
    }

    @Test("add up in the summary, as everything else")
    func summary() async throws {
        let id = try await world.completed()
        _ = try await world.completed(["pen": 5])
        try await world.giveBack(id, "r1", ["mug": 1])
        let before = try await world.summary()
        #expect(before.captured.minorUnits == 510)
        #expect(before.refunded.minorUnits == 0)
        #expect(before.returns == 1)
        #expect(before.openReturns == 1)
        try await world.settle()
        let after = try await world.summary()
        #expect(after.refunded.minorUnits == 255)
        #expect(after.openReturns == 0)
        #expect(after.statuses.map(\.status) == [.completed, .rejected])
        #expect(after.statuses.map(\.orders) == [1, 1])
        #expect(after.statuses.map(\.total.minorUnits) == [510, 50])
        let fault = await refusal { try await world.client.getSummary(GetSummaryRequest(), context: world.alice) }
        #expect(fault?.code == .permissionDenied)
    }

    @Test("and orders add up currency by currency, and rejections by reason")
    func currencies() async throws {
        world.prices.set("yen", pence: 30_000)
        world.stock.fill("yen", 5)
        let pounds = try await world.completed()
        #expect(try await world.summary().sums.map(\.currency) == ["GBP"])
        let yen = try await world.completed(["yen": 2])
        _ = try await world.completed(["pen": 500])
        try await world.place(["mug": 1], method: "declined")
        try await world.settle()
        try await world.giveBack(yen, "r1", ["yen": 1])
        try await world.settle()
        let summary = try await world.summary()
        #expect(summary.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(summary.sums.map(\.orders) == [3, 1])
        #expect(summary.sums.map(\.captured) == [Money(510, currency: "GBP"), Money(600, currency: "JPY")])
        #expect(summary.sums.map(\.refunded) == [Money(0, currency: "GBP"), Money(300, currency: "JPY")])
        // No number stands for pounds and yen together.
        #expect(!summary.hasCaptured)
        #expect(!summary.hasRefunded)
        #expect(summary.rejections.map(\.reason) == ["inventory.insufficient_stock", "payments.declined"])
        #expect(summary.rejections.map(\.orders) == [1, 1])
        let page = try await world.client.listOrders(ListOrdersRequest(), context: world.merchant)
        let reasons = Dictionary(uniqueKeysWithValues: page.orders.map { ($0.orderID, $0.reason) })
        #expect(reasons[pounds] == "")
        #expect(reasons.values.sorted() == ["", "", "inventory.insufficient_stock", "payments.declined"])
    }

    @Test("need a name that fits into the keys under which money moves", arguments: ["zurück", "r 1", "r\u{7}", "😀"])
    func names(name: String) async throws {
        let id = try await world.completed()
        let fault = await refusal { try await world.giveBack(id, name, ["mug": 1]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["return_id"])
        #expect(try await world.timeline(id).last == "completed")
    }

    @Test("of one order are so many at most, each of them as often as it is asked for")
    func returnsLimit() throws {
        let lines = PricedLine.goods("pen", Order.returnsLimit + 1, pence: 1)
        var order = try Order.completed(lines)
        let wish = ReturnWish(line: 0, code: "", quantity: 1)
        for number in 1...Order.returnsLimit { order.take(try order.takeBack(id: "r\(number)", [wish])) }
        #expect(throws: OrderError.tooManyReturns(limit: Order.returnsLimit)) {
            try order.takeBack(id: "one more", [wish])
        }
        #expect(try order.takeBack(id: "r1", [wish]).isEmpty)
    }

    @Test(
        "and all else can be read again from the events: the headlines rebuilt are the headlines kept",
        arguments: 0..<10 as Range<UInt64>
    )
    func rebuild(seed: UInt64) async throws {
        let chance = SeededEntropy(seed: seed)
        for number in 0..<12 {
            let id = try await world.place(["mug": UInt32(chance.number(below: 2)) + 1], key: "k\(number)").orderID
            if chance.number(below: 4) == 0 { try await world.cancel(id) }
            if chance.number(below: 2) == 0 { try await world.settle() }
            if chance.number(below: 3) == 0 { _ = await refusal { try await world.giveBack(id, "r1", ["mug": 1]) } }
            world.time.advance(by: .seconds(1))
        }
        let kept = try await world.headlines()
        #expect(kept.count == 12)
        try await world.database.transaction { tx in
            try EventStore(projections: [Headline.projection], upcasters: []).replayAll(in: tx)
        }
        #expect(try await world.headlines() == kept)
    }
}
