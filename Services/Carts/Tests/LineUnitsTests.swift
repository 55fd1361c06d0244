import MartletCore
import MartletTesting
import Testing

@testable import Carts

@Suite("Units of a line")
struct LineUnitsTests {
    var units = LineUnits()

    @Test("more are of the new version, fewer are the newest ones")
    mutating func parts() {
        units.set(2, in: 1)
        units.set(5, in: 2)
        units.set(6, in: 3)
        #expect(
            units.parts == [.init(since: 1, quantity: 2), .init(since: 2, quantity: 3), .init(since: 3, quantity: 1)]
        )

        units.set(4, in: 4)
        #expect(units.parts == [.init(since: 1, quantity: 2), .init(since: 2, quantity: 2)])

        units.set(0, in: 5)
        units.set(1, in: 6)
        #expect(units.parts == [.init(since: 6, quantity: 1)])
    }

    @Test("an order takes those of its version and before")
    mutating func taken() {
        units.set(2, in: 1)
        units.set(5, in: 4)
        units.take(version: 3)
        #expect(units.quantity == 3)
        units.take(version: 3)
        #expect(units.quantity == 3)
        units.take(version: 4)
        #expect(units == LineUnits())
    }

    @Test("beyond the limit of parts the two oldest become one, of the later version")
    mutating func limit() {
        for version in 1...LineUnits.partsLimit { units.set(version, in: version) }
        #expect(units.parts.count == LineUnits.partsLimit)
        units.set(LineUnits.partsLimit + 1, in: LineUnits.partsLimit + 1)
        #expect(units.parts.count == LineUnits.partsLimit)
        #expect(units.parts.first == .init(since: 2, quantity: 2))
        #expect(units.quantity == LineUnits.partsLimit + 1)
    }

    @Test("parts that are not in accordance with the quantity are of the present version")
    func stored() {
        let parts = [LineUnits.Part(since: 1, quantity: 2)]
        #expect(LineUnits(stored: parts, quantity: 2, version: 9).parts == parts)
        #expect(LineUnits(stored: parts, quantity: 3, version: 9).parts == [.init(since: 9, quantity: 3)])
        #expect(LineUnits(stored: [], quantity: 1, version: 9).parts == [.init(since: 9, quantity: 1)])
    }

    @Test("an order leaves what exceeds the least quantity since", arguments: 0..<200 as Range<UInt64>)
    mutating func leftover(seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        // As many changes as parts are stored.
        let quantities = (0..<LineUnits.partsLimit).map { _ in Int(chance.number(below: 6)) }
        for (version, quantity) in quantities.enumerated() { units.set(quantity, in: version) }
        let ordered = Int(chance.number(below: UInt64(quantities.count)))
        units.take(version: ordered)
        #expect(units.quantity == quantities[quantities.count - 1] - (quantities[ordered...].min() ?? 0))
    }
}
