import MartletCore
import MartletTesting
import Testing

@testable import Inventory

private let mug = SKU("mug")
private let pen = SKU("pen")
private let eastMug = StockLocation(sku: mug, warehouse: "east")
private let mainMug = StockLocation(sku: mug, warehouse: "main")
private let mainPen = StockLocation(sku: pen, warehouse: "main")

private func reservation(_ status: Reservation.Status = .unknown) -> Reservation {
    Reservation(id: "r1", status: status, available: [eastMug: 3, mainMug: 4, mainPen: 1])
}

@Suite("Reservation state")
struct ReservationStateTests {
    @Test("all units are reserved or none")
    func allOrNothing() throws {
        var reservation = reservation()
        #expect(throws: StockError.insufficient([Shortage(sku: pen, requested: 2, available: 1)])) {
            try reservation.reserve([mug: 1, pen: 2])
        }
        #expect(reservation == untouched)
        let both = [Shortage(sku: mug, requested: 8, available: 7), Shortage(sku: pen, requested: 2, available: 1)]
        #expect(throws: StockError.insufficient(both)) { try reservation.reserve([pen: 2, mug: 8]) }
        #expect(reservation == untouched)

        let movement = try reservation.reserve([mug: 7, pen: 1])
        #expect(movement?.changes.map(\.available) == [-3, -4, -1])
        #expect(reservation.available.values.allSatisfy { $0 == 0 })
    }

    @Test("units are taken from warehouses in the order of their names, and so are the changes")
    func warehouses() throws {
        var reservation = reservation()
        let movement = try reservation.reserve([pen: 1, mug: 5])
        #expect(
            movement
                == Movement(
                    id: "r1",
                    kind: .reserved,
                    changes: [
                        Change(location: eastMug, available: -3, onHand: 0),
                        Change(location: mainMug, available: -2, onHand: 0),
                        Change(location: mainPen, available: -1, onHand: 0),
                    ]
                )
        )
        #expect(reservation.status == .held([eastMug: 3, mainMug: 2, mainPen: 1]))
        #expect(reservation.available == [eastMug: 0, mainMug: 2, mainPen: 0])
    }

    @Test("an unknown SKU has no available units")
    func unknownSKU() {
        var reservation = reservation()
        #expect(throws: StockError.insufficient([Shortage(sku: SKU("Mug"), requested: 1, available: 0)])) {
            try reservation.reserve([SKU("Mug"): 1])
        }
    }

    @Test("a repeated reserve changes nothing, also after the sale", arguments: [false, true])
    func repeated(sold: Bool) throws {
        var reservation = reservation()
        _ = try reservation.reserve([mug: 5])
        if sold { _ = try reservation.confirm() }
        let before = reservation
        let again = try reservation.reserve([mug: 5])
        #expect(again == nil)
        #expect(reservation == before)
    }

    @Test("other units with the same id are refused", arguments: [[mug: 4], [mug: 5, pen: 1], [pen: 5], [:]])
    func mismatch(units: [SKU: Int]) throws {
        var reservation = reservation()
        _ = try reservation.reserve([mug: 5])
        #expect(throws: StockError.reservationMismatch("r1")) { try reservation.reserve(units) }
        _ = try reservation.confirm()
        #expect(throws: StockError.reservationMismatch("r1")) { try reservation.reserve(units) }
    }

    @Test("confirm sells the held units, once")
    func confirm() throws {
        var reservation = reservation(.held([mainMug: 2]))
        let first = try reservation.confirm()
        let second = try reservation.confirm()
        #expect(first?.changes == [Change(location: mainMug, available: 0, onHand: -2)])
        #expect(second == nil)
        #expect(reservation.status == .confirmed([mainMug: 2]))
    }

    @Test("confirm needs a held reservation")
    func confirmNothing() {
        var unknown = reservation()
        #expect(throws: StockError.unknownReservation("r1")) { try unknown.confirm() }
        for reason in [Reservation.CloseReason.released, .expired] {
            var closed = reservation(.closed(reason))
            #expect(throws: StockError.reservationClosed("r1")) { try closed.confirm() }
        }
    }

    @Test("release returns held or sold units, once, and closes")
    func release() {
        var held = reservation(.held([mainMug: 2]))
        let fromHeld = [held.release(), held.release()]
        #expect(fromHeld.map { $0?.changes } == [[Change(location: mainMug, available: 2, onHand: 0)], nil])
        #expect(held.status == .closed(.released))

        var sold = reservation(.confirmed([mainMug: 2]))
        let fromSold = [sold.release(), sold.release()]
        #expect(fromSold.map { $0?.changes } == [[Change(location: mainMug, available: 2, onHand: 2)], nil])
        #expect(sold.status == .closed(.released))

        var expired = reservation(.closed(.expired))
        let fromExpired = expired.release()
        #expect(fromExpired == nil)
        #expect(expired.status == .closed(.expired))
    }

    @Test("only a held reservation expires")
    func expire() {
        var held = reservation(.held([mainMug: 2]))
        let fromHeld = [held.expire(), held.expire()]
        #expect(fromHeld.map { $0?.kind } == [.expired, nil])
        #expect(held.available[mainMug] == 6)
        #expect(held.status == .closed(.expired))

        for status in [Reservation.Status.unknown, .confirmed([mainMug: 2]), .closed(.released)] {
            var other = reservation(status)
            let movement = other.expire()
            #expect(movement == nil)
            #expect(other == reservation(status))
        }
    }

    @Test("a reserve after its release is refused")
    func overtaken() {
        var reservation = reservation()
        let nothing = reservation.release()
        #expect(nothing == nil)
        #expect(throws: StockError.reservationClosed("r1")) { try reservation.reserve([mug: 1]) }
        #expect(reservation.available == untouched.available)
    }

    @Test("random operations conserve the number of units", arguments: 0..<200 as Range<UInt64>)
    func conservation(seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        var reservation = reservation()
        var onHand = 8
        for _ in 0..<12 {
            // A refusal changes nothing, which the sums below check.
            let movement: Movement? =
                switch chance.number(below: 4) {
                case 0: (try? reservation.reserve([mug: Int(chance.number(below: 9)) + 1, pen: 1])) ?? nil
                case 1: (try? reservation.confirm()) ?? nil
                case 2: reservation.release()
                default: reservation.expire()
                }
            onHand += movement?.changes.reduce(0) { $0 + $1.onHand } ?? 0
            let held: Int =
                if case .held(let units) = reservation.status { units.values.reduce(0, +) } else { 0 }
            #expect(reservation.available.values.allSatisfy { $0 >= 0 })
            #expect(reservation.available.values.reduce(0, +) + held == onHand)
        }
    }
}

private let untouched = reservation()
