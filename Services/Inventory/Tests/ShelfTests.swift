import MartletCore
import MartletTesting
import Testing

@testable import Inventory

private let mug = SKU("mug")
private let pen = SKU("pen")
private let eastMug = Place(sku: mug, warehouse: "east")
private let mainMug = Place(sku: mug, warehouse: "main")
private let mainPen = Place(sku: pen, warehouse: "main")

private func shelf(_ standing: Shelf.Standing = .unknown) -> Shelf {
    Shelf(reservation: "r1", standing: standing, available: [eastMug: 3, mainMug: 4, mainPen: 1])
}

@Suite("A shelf")
struct ShelfTests {
    @Test("promises every line or none")
    func allOrNothing() throws {
        var shelf = shelf()
        #expect(throws: StockError.insufficient([Shortage(sku: pen, wanted: 2, available: 1)])) {
            try shelf.reserve([mug: 1, pen: 2])
        }
        #expect(shelf == untouched)
        let both = [Shortage(sku: mug, wanted: 8, available: 7), Shortage(sku: pen, wanted: 2, available: 1)]
        #expect(throws: StockError.insufficient(both)) { try shelf.reserve([pen: 2, mug: 8]) }
        #expect(shelf == untouched)

        let movement = try shelf.reserve([mug: 7, pen: 1])
        #expect(movement?.changes.map(\.available) == [-3, -4, -1])
        #expect(shelf.available.values.allSatisfy { $0 == 0 })
    }

    @Test("takes from the warehouses in the order of their names, and tells in that order")
    func warehouses() throws {
        var shelf = shelf()
        let movement = try shelf.reserve([pen: 1, mug: 5])
        #expect(
            movement
                == Movement(
                    id: "r1",
                    kind: .reserved,
                    changes: [
                        Change(place: eastMug, available: -3, onHand: 0),
                        Change(place: mainMug, available: -2, onHand: 0),
                        Change(place: mainPen, available: -1, onHand: 0),
                    ]
                )
        )
        #expect(shelf.standing == .held([eastMug: 3, mainMug: 2, mainPen: 1]))
        #expect(shelf.available == [eastMug: 0, mainMug: 2, mainPen: 0])
    }

    @Test("has none of what it never saw")
    func unknownSKU() {
        var shelf = shelf()
        #expect(throws: StockError.insufficient([Shortage(sku: SKU("Mug"), wanted: 1, available: 0)])) {
            try shelf.reserve([SKU("Mug"): 1])
        }
    }

    @Test("treats a repeat as the same promise, also when it is sold", arguments: [false, true])
    func repeated(sold: Bool) throws {
        var shelf = shelf()
        _ = try shelf.reserve([mug: 5])
        if sold { _ = try shelf.confirm() }
        let before = shelf
        let again = try shelf.reserve([mug: 5])
        #expect(again == nil)
        #expect(shelf == before)
    }

    @Test("refuses other units under the same id", arguments: [[mug: 4], [mug: 5, pen: 1], [pen: 5], [:]])
    func mismatch(units: [SKU: Int]) throws {
        var shelf = shelf()
        _ = try shelf.reserve([mug: 5])
        #expect(throws: StockError.reservationMismatch("r1")) { try shelf.reserve(units) }
        _ = try shelf.confirm()
        #expect(throws: StockError.reservationMismatch("r1")) { try shelf.reserve(units) }
    }

    @Test("sells what it holds, once")
    func confirm() throws {
        var shelf = shelf(.held([mainMug: 2]))
        let first = try shelf.confirm()
        let second = try shelf.confirm()
        #expect(first?.changes == [Change(place: mainMug, available: 0, onHand: -2)])
        #expect(second == nil)
        #expect(shelf.standing == .confirmed([mainMug: 2]))
    }

    @Test("sells nothing that it does not hold")
    func confirmNothing() {
        var unknown = shelf()
        #expect(throws: StockError.unknownReservation("r1")) { try unknown.confirm() }
        for closing in [Shelf.Closing.released, .expired] {
            var closed = shelf(.closed(closing))
            #expect(throws: StockError.reservationClosed("r1")) { try closed.confirm() }
        }
    }

    @Test("gives back what it held or sold, once, and stays closed")
    func release() {
        var held = shelf(.held([mainMug: 2]))
        let fromHeld = [held.release(), held.release()]
        #expect(fromHeld.map { $0?.changes } == [[Change(place: mainMug, available: 2, onHand: 0)], nil])
        #expect(held.standing == .closed(.released))

        var sold = shelf(.confirmed([mainMug: 2]))
        let fromSold = [sold.release(), sold.release()]
        #expect(fromSold.map { $0?.changes } == [[Change(place: mainMug, available: 2, onHand: 2)], nil])
        #expect(sold.standing == .closed(.released))

        var expired = shelf(.closed(.expired))
        let fromExpired = expired.release()
        #expect(fromExpired == nil)
        #expect(expired.standing == .closed(.expired))
    }

    @Test("lets only a promise expire; a sale stands")
    func expire() {
        var held = shelf(.held([mainMug: 2]))
        let fromHeld = [held.expire(), held.expire()]
        #expect(fromHeld.map { $0?.kind } == [.expired, nil])
        #expect(held.available[mainMug] == 6)
        #expect(held.standing == .closed(.expired))

        for standing in [Shelf.Standing.unknown, .confirmed([mainMug: 2]), .closed(.released)] {
            var other = shelf(standing)
            let movement = other.expire()
            #expect(movement == nil)
            #expect(other == shelf(standing))
        }
    }

    @Test("holds nothing for a promise that was overtaken by its release")
    func overtaken() {
        var shelf = shelf()
        let nothing = shelf.release()
        #expect(nothing == nil)
        #expect(throws: StockError.reservationClosed("r1")) { try shelf.reserve([mug: 1]) }
        #expect(shelf.available == untouched.available)
    }

    @Test("neither makes nor loses a unit, whatever comes", arguments: 0..<200 as Range<UInt64>)
    func conservation(seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        var shelf = shelf()
        var onHand = 8
        for _ in 0..<12 {
            // Refusals change nothing, which the sums below see.
            let movement: Movement? =
                switch chance.number(below: 4) {
                case 0: (try? shelf.reserve([mug: Int(chance.number(below: 9)) + 1, pen: 1])) ?? nil
                case 1: (try? shelf.confirm()) ?? nil
                case 2: shelf.release()
                default: shelf.expire()
                }
            onHand += movement?.changes.reduce(0) { $0 + $1.onHand } ?? 0
            let held: Int =
                if case .held(let units) = shelf.standing { units.values.reduce(0, +) } else { 0 }
            #expect(shelf.available.values.allSatisfy { $0 >= 0 })
            #expect(shelf.available.values.reduce(0, +) + held == onHand)
        }
    }
}

private let untouched = shelf()
