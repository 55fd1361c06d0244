import SharedContract
import Testing

@testable import Orders

@Suite("Placement")
struct PlacementTests {
    @Test("is the same as one of a version that took a discount for goods; goods and services differ")
    func sameAsStored() throws {
        let placement = try Placement.of([.mugs, .discount("mug", 1, nanos: -1)])
        var stored = placement
        stored.lines[1].isGoods = true
        #expect(placement.isSame(as: stored) && stored.isSame(as: placement))
        stored.lines[0].isGoods = false
        #expect(!placement.isSame(as: stored))
    }

    @Test(
        "adds up exactly and rounds once, half to even",
        arguments: [5_000_000: 0, 15_000_000: 2, 25_000_000: 2, 25_000_001: 3, 4_000_000: 0] as [Int64: Int64]
    )
    func rounding(nanos: Int64, pence: Int64) throws {
        #expect(try Placement.of([.goods("pin", 1, nanos: nanos)]).totalMinorUnits == pence)
    }

    @Test("does not round its lines")
    func roundsOnce() throws {
        let lines = (1...3).map { PricedLine.goods("pin\($0)", 1, nanos: 4_000_000) }
        #expect(try Placement.of(lines).totalMinorUnits == 1)
        #expect(try Placement.of([.goods("pin", 1_000, nanos: 4_000_000)]).totalMinorUnits == 400)
    }

    @Test("a discount may reduce the total to 0, not below")
    func negative() throws {
        let mugs = PricedLine.goods("mug", 1, pence: 100)
        #expect(try Placement.of([mugs, .service("DISCOUNT", pence: -40)]).totalMinorUnits == 60)
        #expect(try Placement.of([mugs, .service("DISCOUNT", pence: -100)]).totalMinorUnits == 0)
        #expect(throws: OrderError.totalOutOfRange) { try Placement.of([mugs, .service("DISCOUNT", pence: -101)]) }
        // Even when it would round to 0.
        #expect(throws: OrderError.totalOutOfRange) { try Placement.of([.goods("pin", 1, nanos: -1)]) }
    }

    @Test("the total is limited")
    func totalLimit() throws {
        let most = PricedLine.goods("gold", 1, pence: Placement.totalLimit)
        let penny = PricedLine.goods("pin", 1, pence: 1)
        #expect(try Placement.of([most]).totalMinorUnits == 99_999_999_999)
        #expect(throws: OrderError.totalOutOfRange) { try Placement.of([most, penny]) }
        #expect(try Placement.of([most, penny, .service("D", pence: -1)]).totalMinorUnits == 99_999_999_999)
        let excessive = PricedLine.goods("gold", 100_000, nanos: .max)
        #expect(throws: OrderError.totalOutOfRange) { try Placement.of(Array(repeating: excessive, count: 2_000)) }
    }

    @Test("has 1 to 2,000 lines")
    func limits() throws {
        let line = PricedLine.goods("mug", 1, pence: 1)
        #expect(throws: OrderError.emptyOrder) { try Placement.of([]) }
        #expect(try Placement.of(Array(repeating: line, count: 2_000)).totalMinorUnits == 2_000)
        #expect(throws: OrderError.tooManyLines(limit: 2_000)) {
            try Placement.of(Array(repeating: line, count: 2_001))
        }
    }
}
