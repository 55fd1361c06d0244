/// A whole number that JSON writes with a fraction of zeros or an exponent, as in `3.0` and `1e3`.
struct WholeNumber {
    /// The largest magnitude that the decoder reads exactly, since it reads a double.
    static let exactMax: UInt64 = 1 << 53
    /// More zeros than any integer type has digits.
    private static let zerosMax = 40
    /// Larger exponents count as this one, so that sums with them do not overflow.
    private static let exponentMax = 1 << 40

    /// Without fraction, exponent and leading zeros; with a minus sign where there was one.
    let digits: String

    /// - Parameter text: A number in JSON's grammar.
    /// - Returns: `nil` for a number that is not whole.
    init?(_ text: String) {
        let parts = text.drop { $0 == "-" }.split(maxSplits: 1) { $0 == "e" || $0 == "E" }
        let mantissa = parts.first.map { $0.split(separator: ".", maxSplits: 1) } ?? []
        // The number is these digits, times ten to the power below.
        var significant = Array(mantissa.joined(separator: "").utf8)
        var power = mantissa.count > 1 ? -mantissa[1].utf8.count : 0
        while significant.last == UInt8(ascii: "0") {
            significant.removeLast()
            power += 1
        }
        guard !significant.isEmpty else {
            digits = text.hasPrefix("-") ? "-0" : "0"
            return
        }
        if parts.count > 1 {
            let limit = parts[1].hasPrefix("-") ? -Self.exponentMax : Self.exponentMax
            power += max(-Self.exponentMax, min(Self.exponentMax, Int(parts[1]) ?? limit))
        }
        guard power >= 0 else { return nil }
        significant += Array(repeating: UInt8(ascii: "0"), count: min(power, Self.zerosMax))
        let sign = text.hasPrefix("-") ? "-" : ""
        digits = sign + String(decoding: significant.drop { $0 == UInt8(ascii: "0") }, as: UTF8.self)
    }

    /// Whether the decoder reads the number as it is written.
    var isExact: Bool {
        UInt64(digits.drop { $0 == "-" }).map { $0 <= Self.exactMax } ?? false
    }
}
