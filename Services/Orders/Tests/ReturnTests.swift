import MartletCore
import MartletTesting
import SharedContract
import Testing

@testable import Orders

private func item(_ quantity: Int, of code: String? = nil, line: Int? = nil) -> ReturnItem {
    ReturnItem(line: line, code: code, quantity: quantity)
}

@Suite("Return")
struct ReturnTests {
    @Test("takes units of a line, or of the lines with a code in their order")
    func linesAndCodes() throws {
        let order = try Order.completed(
            .goods("mug", 2, pence: 100),
            .goods("pen", 1, pence: 10),
            .goods("mug", 3, pence: 90)
        )
        func returned(_ items: ReturnItem...) throws -> [OrderReturn.Line] {
            var after = order
            after.apply(try order.requestReturn(id: "r1", items))
            return after.returns[0].lines
        }
        #expect(try returned(item(2, line: 2)) == [.init(line: 2, quantity: 2)])
        #expect(try returned(item(4, of: "mug")) == [.init(line: 0, quantity: 2), .init(line: 2, quantity: 2)])
        #expect(
            try returned(item(1, line: 2), item(4, of: "mug"), item(1, of: "pen")) == [
                .init(line: 0, quantity: 2), .init(line: 1, quantity: 1), .init(line: 2, quantity: 3),
            ]
        )
    }

    @Test("more units than were ordered and not yet returned are refused")
    func exceeds() throws {
        var order = try Order.completed(.mugs)
        #expect(throws: OrderError.returnExceedsOrder(item(3, of: "mug"), left: 2)) {
            try order.requestReturn(id: "r1", [item(3, of: "mug")])
        }
        order.apply(try order.requestReturn(id: "r1", [item(1, of: "mug")]))
        for items in [
            [item(2, line: 0)], [item(1, of: "mug"), item(1, line: 0)], [item(1, of: "pen")], [item(1, line: 7)],
        ] {
            #expect(throws: OrderError.self) { try order.requestReturn(id: "r2", items) }
        }
        // The line must have the code.
        #expect(throws: OrderError.returnExceedsOrder(item(1, of: "pen", line: 0), left: 0)) {
            try order.requestReturn(id: "r2", [item(1, of: "pen", line: 0)])
        }
    }

    @Test("a return of a code that only looks the same is another return")
    func lookAlike() throws {
        var order = try Order.completed(.goods("K", 1, pence: 100), .goods("\u{212A}", 1, pence: 100))
        order.apply(try order.requestReturn(id: "r1", [item(1, of: "K")]))
        #expect(throws: OrderError.returnMismatch("r1")) {
            try order.requestReturn(id: "r1", [item(1, of: "\u{212A}")])
        }
        order.apply(try order.requestReturn(id: "r2", [item(1, of: "\u{212A}")]))
        #expect(order.returns.map(\.lines) == [[.init(line: 0, quantity: 1)], [.init(line: 1, quantity: 1)]])
    }

    @Test("a repeat changes nothing; another return with the id is refused")
    func repeated() throws {
        var order = try Order.completed(.mugs)
        order.apply(try order.requestReturn(id: "r1", [item(1, of: "mug")]))
        #expect(try order.requestReturn(id: "r1", [item(1, of: "mug")]) == [])
        #expect(throws: OrderError.returnMismatch("r1")) { try order.requestReturn(id: "r1", [item(2, of: "mug")]) }
        let finished = order.finishReturn("r1")
        #expect(finished == [.returnCompleted(id: "r1", refundMinorUnits: 255)])
        order.apply(finished)
        #expect(order.finishReturn("r1") == [])
        #expect(order.finishReturn("r2") == [])
        #expect(order.refundedMinorUnits == 255)
    }

    @Test("needs a completed order")
    func notReturnable() throws {
        var order = try Order.pending(.mugs)
        #expect(throws: OrderError.notReturnable(.pending)) { try order.requestReturn(id: "r1", [item(1, of: "mug")]) }
        order.apply(try order.abort(reason: "x"))
        #expect(throws: OrderError.notReturnable(.rejected)) { try order.requestReturn(id: "r1", [item(1, of: "mug")]) }
    }

    @Test("refunds the rounded value of all returned units, less the earlier refunds")
    func halfEven() throws {
        // Half a penny each: 1.5 pence in all, of which 2 were captured.
        var order = try Order.completed(.goods("pin", 3, nanos: 5_000_000))
        #expect(order.capturedMinorUnits == 2)
        var refunds: [Int64] = []
        for number in 1...3 {
            let events = try order.requestReturn(id: "r\(number)", [item(1, of: "pin")])
            order.apply(events)
            refunds += events.refunds
        }
        // 0.5 → 0, 1.0 → 1, everything → 2.
        #expect(refunds == [0, 1, 1])
    }

    @Test("one of two discounted units refunds half of what was paid; the discount itself refunds nothing")
    func discount() throws {
        var order = try Order.completed(.goods("mug", 2, pence: 1_000), .service("DISCOUNT", pence: -1_000))
        var refunds: [Int64] = []
        for (id, part) in [("r1", item(1, of: "mug")), ("r2", item(1, of: "mug")), ("r3", item(1, of: "DISCOUNT"))] {
            let events = try order.requestReturn(id: id, [part])
            order.apply(events)
            refunds += events.refunds
        }
        #expect(refunds == [500, 500, 0])
        #expect(order.refundRequestedMinorUnits == order.capturedMinorUnits)
    }

    @Test("a code returns its goods and not its discount, wherever the discount is; its line returns the discount")
    func discountOfCode() throws {
        var order = try Order.completed(.service("mug", pence: -50), .goods("mug", 2, pence: 100))
        #expect(throws: OrderError.returnExceedsOrder(item(3, of: "mug"), left: 2)) {
            try order.requestReturn(id: "r1", [item(3, of: "mug")])
        }
        order.apply(try order.requestReturn(id: "r1", [item(2, of: "mug")]))
        #expect(order.returns[0].lines == [.init(line: 1, quantity: 2)])
        #expect(order.refundRequestedMinorUnits == 150)
        #expect(throws: OrderError.returnExceedsOrder(item(1, of: "mug"), left: 0)) {
            try order.requestReturn(id: "r2", [item(1, of: "mug")])
        }
        order.apply(try order.requestReturn(id: "r2", [item(1, of: "mug", line: 0)]))
        #expect(order.returns[1].lines == [.init(line: 0, quantity: 1)])
        #expect(order.refundRequestedMinorUnits == 150)
    }

    @Test("an order with a return that refunded too much refunds the rest, and no more")
    func storedReturn() throws {
        var order = try Order.completed(.goods("mug", 2, pence: 1_000), .service("DISCOUNT", pence: -1_000))
        // As a version stored it that did not share discounts out.
        let stored = OrderReturn(id: "r1", items: [], lines: [.init(line: 0, quantity: 1)], refundMinorUnits: 1_000)
        order.apply([.returnRequested(stored)])
        #expect(try order.requestReturn(id: "r2", [item(1, of: "mug")]).refunds == [0])
    }

    @Test("restocks goods, not services")
    func goods() throws {
        var order = try Order.completed(
            .goods("mug", 2, pence: 100),
            .service("POST", pence: 400),
            .goods("mug", 1, pence: 90)
        )
        order.apply(try order.requestReturn(id: "r1", [item(3, of: "mug"), item(1, of: "POST")]))
        #expect(order.goods(of: order.returns[0]) == ["mug": 3])
    }

    @Test(
        "partial refunds never exceed the capture, depend on no sequence, and a full return is a full refund",
        arguments: 0..<400 as Range<UInt64>
    )
    func sums(seed: UInt64) throws {
        let chance = SeededEntropy(seed: seed)
        let lines = PricedLine.basket(chance, discounts: seed % 4)
        var order = try Order.completed(lines)
        var number = 0
        while true {
            let left = lines.indices.filter { lines[$0].quantity > order.returnedUnits[$0, default: 0] }
            guard let line = left.isEmpty ? nil : left[Int(chance.number(below: UInt64(left.count)))] else { break }
            number += 1
            let most = lines[line].quantity - order.returnedUnits[line, default: 0]
            let quantity = Int(chance.number(below: UInt64(most))) + 1
            let items = [item(quantity, of: chance.next() % 2 == 0 ? lines[line].code.text : nil, line: line)]
            let events = try order.requestReturn(id: "r\(number)", items)
            order.apply(events)
            let refunds = events.refunds
            #expect(refunds.count == 1 && refunds[0] >= 0)
            #expect(order.refundRequestedMinorUnits <= order.capturedMinorUnits)
            // What is refunded follows from the units that were returned so far.
            let paid = order.placement.paid(for: order.returnedUnits)
            #expect(order.refundRequestedMinorUnits == paid.minorUnits(of: "GBP"))
            let isAllReturned = lines.indices.allSatisfy {
                lines[$0].isDiscount || lines[$0].quantity == order.returnedUnits[$0, default: 0]
            }
            #expect(!isAllReturned || order.refundRequestedMinorUnits == order.capturedMinorUnits)
        }
        #expect(order.refundRequestedMinorUnits == order.capturedMinorUnits)
        #expect(lines.indices.allSatisfy { order.returnedUnits[$0] == lines[$0].quantity })
    }
}
