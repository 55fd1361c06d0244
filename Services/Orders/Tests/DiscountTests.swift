import MartletCore
import MartletTesting
import SharedContract
import Testing

@testable import Orders

/// An amount in pence.
private func pence(_ pence: Int128) -> Amount { Amount(nanos: pence * 10_000_000) }

@Suite("Discount")
struct DiscountTests {
    /// What was paid for all units of each line.
    private func paid(_ lines: PricedLine...) throws -> [Amount] {
        let placement = try Placement.of(lines)
        return lines.indices.map { placement.paid(for: [$0: lines[$0].quantity]) }
    }

    @Test("is shared out over all lines, in proportion to their values")
    func all() throws {
        let paid = try paid(
            .goods("mug", 2, pence: 300),
            .goods("pen", 1, pence: 200),
            .goods("gift", 1, pence: 0),
            .service("POST", pence: 200),
            .service("OFF", pence: -500)
        )
        #expect(paid == [pence(300), pence(100), .zero, pence(100), .zero])
    }

    @Test("with a code of other lines concerns these, and all lines with what they are not worth")
    func ofCode() throws {
        let some = try paid(.goods("mug", 1, pence: 300), .goods("pen", 1, pence: 200), .service("mug", pence: -100))
        #expect(some == [pence(200), pence(200), .zero])
        let more = try paid(
            .service("mug", pence: -400),
            .goods("mug", 1, pence: 300),
            .goods("pen", 1, pence: 150),
            .goods("jug", 1, pence: 50)
        )
        #expect(more == [.zero, .zero, pence(75), pence(25)])
        // The discount on everything is shared out after those on codes.
        let both = try paid(
            .service("OFF", pence: -100),
            .goods("mug", 1, pence: 300),
            .goods("pen", 1, pence: 200),
            .service("mug", pence: -100)
        )
        #expect(both == [.zero, pence(150), pence(150), .zero])
    }

    @Test("of the whole value leaves nothing to refund")
    func whole() throws {
        let paid = try paid(.goods("mug", 3, pence: 1), .goods("pen", 1, pence: 2), .service("OFF", pence: -5))
        #expect(paid == [.zero, .zero, .zero])
    }

    @Test("the nanos that are left go to the largest remainders, the first of equal ones")
    func largestRemainder() {
        #expect(Amount(nanos: 10).shares(over: [3, 3, 3, 3].map(Amount.init)).map(\.nanos) == [3, 3, 2, 2])
        #expect(Amount(nanos: 7).shares(over: [1, 5, 4].map(Amount.init)).map(\.nanos) == [1, 3, 3])
        #expect(Amount(nanos: 1).shares(over: [0, 2, 3].map(Amount.init)).map(\.nanos) == [0, 0, 1])
        #expect(Amount.zero.shares(over: [0, 0].map(Amount.init)) == [.zero, .zero])
        #expect(Amount.zero.shares(over: []) == [])
    }

    @Test("of the largest amounts is exact")
    func largest() throws {
        // A thousand billion units of the currency for each of 2,000 lines: the products have more than 128 bits.
        let weight = Amount(nanos: 1_000_000_000_000_000_000) * 100_000
        let whole = weight * 2_000
        #expect(whole.shares(over: Array(repeating: weight, count: 2_000)) == Array(repeating: weight, count: 2_000))
        let less = whole - Amount(nanos: 1)
        let shares = less.shares(over: Array(repeating: weight, count: 2_000))
        #expect(shares.reduce(Amount.zero, +) == less)
        #expect(shares.last == weight - Amount(nanos: 1))
        #expect(shares.dropLast().allSatisfy { $0 == weight })
    }

    @Test(
        "shares add up, exceed no line, and differ from the exact part by less than a nano",
        arguments: 0..<200 as Range<UInt64>
    )
    func sums(seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        let weights = (0...chance.number(below: 20)).map { _ in
            Amount(nanos: Int128(chance.number(below: chance.next() % 2 == 0 ? 4 : 1_000_000_000_000)))
        }
        let total = weights.reduce(Amount.zero, +)
        let amount = Amount(nanos: Int128(chance.number(below: UInt64(total.nanos) + 1)))
        let shares = amount.shares(over: weights)
        #expect(shares.reduce(Amount.zero, +) == amount)
        for (share, weight) in zip(shares, weights) {
            #expect(share >= .zero && share <= weight)
            let difference = share.nanos * total.nanos - amount.nanos * weight.nanos
            #expect(difference.magnitude < total.nanos.magnitude || total == .zero)
        }
    }

    @Test("all units of all lines were paid with the order's total", arguments: 0..<200 as Range<UInt64>)
    func total(seed: UInt64) throws {
        let lines = PricedLine.basket(SeededEntropy(seed: seed), discounts: seed % 4)
        let placement = try Placement.of(lines)
        let all = Dictionary(uniqueKeysWithValues: lines.enumerated().map { ($0.offset, $0.element.quantity) })
        #expect(placement.paid(for: all) == lines.reduce(Amount.zero) { $0 + $1.value })
        #expect(placement.paid(for: all).minorUnits(of: "GBP") == placement.totalMinorUnits)
        #expect(placement.paid(for: [:]) == .zero)
    }
}
