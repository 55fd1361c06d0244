/// An exact sum of prices before it is rounded: nanos (10^-9) of one currency's major unit.
public struct Amount: Sendable, Hashable, Comparable {
    /// Enough for 10^29 major units.
    public let nanos: Int128

    public init(nanos: Int128) { self.nanos = nanos }

    public static let zero = Amount(nanos: 0)

    public static func + (left: Amount, right: Amount) -> Amount { Amount(nanos: left.nanos + right.nanos) }
    public static func - (left: Amount, right: Amount) -> Amount { Amount(nanos: left.nanos - right.nanos) }
    public static func * (left: Amount, count: Int) -> Amount { Amount(nanos: left.nanos * Int128(count)) }
    public static func < (left: Amount, right: Amount) -> Bool { left.nanos < right.nanos }

    /// The nearest number of minor units of `currency`, half to even.
    ///
    /// - Returns: `nil` when it does not fit into 64 bits.
    public func minorUnits(of currency: String) -> Int64? {
        let divisor = Currency.nanosPerMinorUnit(currency)
        var (quotient, rest) = nanos.quotientAndRemainder(dividingBy: divisor)
        if rest < 0 {
            quotient -= 1
            rest += divisor
        }
        let double = rest * 2
        if double > divisor || (double == divisor && quotient % 2 != 0) { quotient += 1 }
        return Int64(exactly: quotient)
    }
}

/// What is known of a currency.
public enum Currency {
    /// How many nanos of the major unit make one minor unit (ISO 4217's exponents).
    public static func nanosPerMinorUnit(_ currency: String) -> Int128 {
        switch currency {
        case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
            "XOF", "XPF":
            1_000_000_000
        case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND": 1_000_000
        case "CLF", "UYW": 100_000
        default: 10_000_000
        }
    }

    /// True for what may be a code of ISO 4217: three capital letters.
    ///
    /// `gbp` is none: it would be another currency than `GBP`, and `jpy` one with pence.
    public static func isCode(_ text: String) -> Bool {
        text.utf8.count == 3 && text.utf8.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
    }
}

extension UnitPrice {
    /// The exact price of one unit.
    public var amount: Amount { Amount(nanos: Int128(units) * 1_000_000_000 + Int128(nanos)) }

    /// - Parameter amount: Within ±10^9 major units.
    public init(_ amount: Amount, currency: String) {
        self.init()
        self.currency = currency
        units = Int64(amount.nanos / 1_000_000_000)
        nanos = Int32(amount.nanos % 1_000_000_000)
    }
}

extension Money {
    public init(_ minorUnits: Int64, currency: String) {
        self.init()
        self.minorUnits = minorUnits
        self.currency = currency
    }
}
