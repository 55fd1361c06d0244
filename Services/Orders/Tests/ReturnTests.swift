import MartletCore
import MartletTesting
import SharedContract
import Testing

@testable import Orders

private func wish(_ quantity: Int, of code: String = "", line: Int? = nil) -> ReturnWish {
    ReturnWish(line: line, code: code, quantity: quantity)
}

@Suite("A return")
struct ReturnTests {
    @Test("takes units of a line, or of whichever lines have the code, in their sequence")
    func linesAndCodes() throws {
        let order = try Order.completed(
            .goods("mug", 2, pence: 100),
            .goods("pen", 1, pence: 10),
            .goods("mug", 3, pence: 90)
        )
        func taken(_ wishes: ReturnWish...) throws -> [OrderReturn.Line] {
            var after = order
            after.take(try order.takeBack(id: "r1", wishes))
            return after.returns[0].lines
        }
        #expect(try taken(wish(2, line: 2)) == [.init(line: 2, quantity: 2)])
        #expect(try taken(wish(4, of: "mug")) == [.init(line: 0, quantity: 2), .init(line: 2, quantity: 2)])
        #expect(
            try taken(wish(1, line: 2), wish(4, of: "mug"), wish(1, of: "pen")) == [
                .init(line: 0, quantity: 2), .init(line: 1, quantity: 1), .init(line: 2, quantity: 3),
            ]
        )
    }

    @Test("takes no more than was ordered and is still out")
    func exceeds() throws {
        var order = try Order.completed(.mugs)
        #expect(throws: OrderError.returnExceedsOrder(wish(3, of: "mug"), left: 2)) {
            try order.takeBack(id: "r1", [wish(3, of: "mug")])
        }
        order.take(try order.takeBack(id: "r1", [wish(1, of: "mug")]))
        for wishes in [
            [wish(2, line: 0)], [wish(1, of: "mug"), wish(1, line: 0)], [wish(1, of: "pen")], [wish(1, line: 7)],
        ] {
            #expect(throws: OrderError.self) { try order.takeBack(id: "r2", wishes) }
        }
        // A line that does not bear the code is not meant.
        #expect(throws: OrderError.returnExceedsOrder(wish(1, of: "pen", line: 0), left: 0)) {
            try order.takeBack(id: "r2", [wish(1, of: "pen", line: 0)])
        }
    }

    @Test("is the same when it is repeated, and no other under its id")
    func repeated() throws {
        var order = try Order.completed(.mugs)
        order.take(try order.takeBack(id: "r1", [wish(1, of: "mug")]))
        #expect(try order.takeBack(id: "r1", [wish(1, of: "mug")]) == [])
        #expect(throws: OrderError.returnMismatch("r1")) { try order.takeBack(id: "r1", [wish(2, of: "mug")]) }
        let finished = order.finishReturn("r1")
        #expect(finished == [.returnCompleted(id: "r1", refundMinorUnits: 255)])
        order.take(finished)
        #expect(order.finishReturn("r1") == [])
        #expect(order.finishReturn("r2") == [])
        #expect(order.refundedMinorUnits == 255)
    }

    @Test("needs a completed order")
    func notReturnable() throws {
        var order = try Order.pending(.mugs)
        #expect(throws: OrderError.notReturnable(.pending)) { try order.takeBack(id: "r1", [wish(1, of: "mug")]) }
        order.take(try order.giveUp(reason: "x"))
        #expect(throws: OrderError.notReturnable(.rejected)) { try order.takeBack(id: "r1", [wish(1, of: "mug")]) }
    }

    @Test("refunds the rounded value of all that came back so far, less what went before")
    func halfEven() throws {
        // Half a penny each: 1.5 pence in all, of which 2 were captured.
        var order = try Order.completed(.goods("pin", 3, nanos: 5_000_000))
        #expect(order.capturedMinorUnits == 2)
        var refunds: [Int64] = []
        for number in 1...3 {
            let events = try order.takeBack(id: "r\(number)", [wish(1, of: "pin")])
            order.take(events)
            refunds += events.refunds
        }
        // 0.5 → 0, 1.0 → 1, everything → 2.
        #expect(refunds == [0, 1, 1])
    }

    @Test("of goods that were paid with a discount refunds at most what was paid")
    func discount() throws {
        var order = try Order.completed(.goods("mug", 2, pence: 100), .service("DISCOUNT", pence: -50))
        var refunds: [Int64] = []
        for (id, back) in [("r1", wish(1, of: "mug")), ("r2", wish(1, of: "mug")), ("r3", wish(1, of: "DISCOUNT"))] {
            let events = try order.takeBack(id: id, [back])
            order.take(events)
            refunds += events.refunds
        }
        #expect(refunds == [100, 50, 0])
        #expect(order.refundRequestedMinorUnits == order.capturedMinorUnits)
    }

    @Test("restocks goods and no services")
    func goods() throws {
        var order = try Order.completed(
            .goods("mug", 2, pence: 100),
            .service("POST", pence: 400),
            .goods("mug", 1, pence: 90)
        )
        order.take(try order.takeBack(id: "r1", [wish(3, of: "mug"), wish(1, of: "POST")]))
        #expect(order.goods(of: order.returns[0]) == ["mug": 3])
    }

    @Test(
        "parts never add up to more than the whole, and everything returned is everything refunded",
        arguments: 0..<400 as Range<UInt64>
    )
    func sums(seed: UInt64) throws {
        let chance = SeededEntropy(seed: seed)
        var lines = (0...chance.number(below: 5)).map { _ in
            PricedLine.goods(
                "s\(chance.number(below: 3))",
                Int(chance.number(below: 7)) + 1,
                nanos: Int64(chance.number(below: 60)) * 2_500_000
            )
        }
        let isDiscounted = seed % 2 == 1
        let exact = lines.reduce(Amount.zero) { $0 + $1.value(of: $1.quantity) }
        if isDiscounted {
            let off = Int64(chance.number(below: UInt64(exact.nanos) + 1))
            lines.append(PricedLine(code: "D", name: "", quantity: 1, priceNanos: -off, isGoods: false))
        }
        var order = try Order.completed(lines)
        var number = 0
        while true {
            let left = lines.indices.filter { lines[$0].quantity > order.returnedUnits[$0, default: 0] }
            guard let line = left.isEmpty ? nil : left[Int(chance.number(below: UInt64(left.count)))] else { break }
            number += 1
            let most = lines[line].quantity - order.returnedUnits[line, default: 0]
            let quantity = Int(chance.number(below: UInt64(most))) + 1
            let wishes = [wish(quantity, of: chance.next() % 2 == 0 ? lines[line].code : "", line: line)]
            let events = try order.takeBack(id: "r\(number)", wishes)
            order.take(events)
            let refunds = events.refunds
            #expect(refunds.count == 1 && refunds[0] >= 0)
            #expect(order.refundRequestedMinorUnits <= order.capturedMinorUnits)
            if !isDiscounted {
                let value = lines.indices.reduce(Amount.zero) {
                    $0 + lines[$1].value(of: order.returnedUnits[$1, default: 0])
                }
                #expect(order.refundRequestedMinorUnits == value.minorUnits(of: "GBP"))
            }
        }
        #expect(order.refundRequestedMinorUnits == order.capturedMinorUnits)
        #expect(lines.indices.allSatisfy { order.returnedUnits[$0] == lines[$0].quantity })
    }
}
