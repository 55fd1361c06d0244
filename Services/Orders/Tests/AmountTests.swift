import MartletCore
import MartletTesting
import SharedContract
import Testing

@Suite("Amount")
struct AmountTests {
    @Test(
        "rounds to minor units, half to even, on both sides of zero",
        arguments: [
            0: 0, 4_999_999: 0, 5_000_000: 0, 5_000_001: 1, 14_999_999: 1, 15_000_000: 2, 25_000_000: 2, 25_000_001: 3,
            35_000_000: 4, -4_999_999: 0, -5_000_000: 0, -5_000_001: -1, -15_000_000: -2, -25_000_000: -2,
            -25_000_001: -3, 10_000_000: 1, -10_000_000: -1,
        ] as [Int: Int64]
    )
    func halfEven(nanos: Int, pence: Int64) {
        #expect(Amount(nanos: Int128(nanos)).minorUnits(of: "GBP") == pence)
    }

    @Test(
        "minor units depend on the currency",
        arguments: ["GBP": 150, "JPY": 2, "UGX": 2, "KWD": 1_500, "IQD": 1_500, "CLF": 15_000]
    )
    func currencies(currency: String, minorUnits: Int) {
        #expect(Amount(nanos: 1_500_000_000).minorUnits(of: currency) == Int64(minorUnits))
    }

    @Test("a currency is one of ISO 4217, in capital letters")
    func codes() {
        #expect(["GBP", "JPY", "KWD", "CLF", "XOF", "ZWG"].allSatisfy(Currency.exists))
        let others = [
            "JPN", "GPB", "ZZZ", "XTS", "XAU", "gbp", "Gbp", "GB", "GBPP", "G P", "", "ÄÖÜ", "12E", "DK\u{212A}",
        ]
        #expect(!others.contains(where: Currency.exists))
    }

    @Test(
        "the units and nanos of a price have one sign",
        arguments: [(1, 5), (-1, -5), (0, -5), (1, 0), (-1, 0), (0, 0)]
    )
    func oneSign(units: Int64, nanos: Int32) {
        #expect(price(units, nanos).hasOneSign)
    }

    @Test("units and nanos of two signs are no price", arguments: [(1, -5), (-1, 5)])
    func twoSigns(units: Int64, nanos: Int32) {
        #expect(!price(units, nanos).hasOneSign)
    }

    private func price(_ units: Int64, _ nanos: Int32) -> UnitPrice {
        var price = UnitPrice()
        (price.units, price.nanos) = (units, nanos)
        return price
    }

    @Test("returns nil when the minor units overflow")
    func tooLarge() {
        let largest = Amount(nanos: Int128(Int64.max) * 10_000_000)
        #expect(largest.minorUnits(of: "GBP") == .max)
        #expect((largest + Amount(nanos: 5_000_000)).minorUnits(of: "GBP") == nil)
        #expect((Amount.zero - largest).minorUnits(of: "GBP") == -.max)
    }

    @Test("sums are exact in any order", arguments: 0..<50 as Range<UInt64>)
    func exact(seed: UInt64) {
        let chance = SeededEntropy(seed: seed)
        var parts = (0..<30).map { _ in Amount(nanos: Int128(chance.number(below: 1_000_000_000_000)) - 500_000_000_000)
        }
        let sum = parts.reduce(.zero, +)
        parts.sort()
        #expect(parts.reduce(.zero, +) == sum)
        #expect(parts.reduce(sum, -) == .zero)
        #expect(parts.map { $0 * 3 }.reduce(.zero, +) == sum * 3)
    }

    @Test("converts to a unit price and back", arguments: [0, 1, -1, 999_999_999, 1_000_000_000, -1_234_567_890_123])
    func unitPrice(nanos: Int) {
        let price = UnitPrice(Amount(nanos: Int128(nanos)), currency: "GBP")
        #expect(price.amount.nanos == Int128(nanos))
        // Both parts have the same sign, as the contract requires.
        #expect(price.units.signum() * Int64(price.nanos).signum() >= 0)
    }
}
