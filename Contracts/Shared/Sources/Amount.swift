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

    /// True for the code of a currency or of a unit of account in which prices are stated.
    ///
    /// `gbp` is none: it would be another currency than `GBP`, and `jpy` one with pence. Nor are codes of metals, for
    /// tests, or for no currency.
    public static func exists(_ text: String) -> Bool { codes.contains(Array(text.utf8)) }

    /// What ``exists(_:)`` requires of a field, for a caller.
    public static let rule = "must be a currency of ISO 4217, as in GBP"

    /// The codes of ISO 4217 in use, with those that were replaced in 2025 and 2026 (ANG, BGN).
    private static let codes = Set(
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
        CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
        GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
        LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP
        PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
        TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
        """.split(whereSeparator: \.isWhitespace).map { Array($0.utf8) }
    )
}

extension UnitPrice {
    /// The exact price of one unit.
    public var amount: Amount { Amount(nanos: Int128(units) * 1_000_000_000 + Int128(nanos)) }

    /// True when units and nanos have the same sign, or one of them is 0, as the contract requires.
    public var hasOneSign: Bool { units.signum() * Int64(nanos.signum()) >= 0 }

    /// What ``hasOneSign`` requires of the nanos, for a caller.
    public static let signsRule = "must have the same sign as units"

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
