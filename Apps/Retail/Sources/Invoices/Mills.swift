/// A price or a sum of prices in thousandths of the currency's unit, exact; invoices have up to three decimal places.
struct Mills: Hashable, Sendable {
    var rawValue: Int64

    static let zero = Mills(rawValue: 0)

    /// The `units` of the contracts' money: whole pounds, rounded towards zero.
    var units: Int64 { rawValue / 1000 }

    /// The `nanos` of the contracts' money: the remainder in 1/1,000,000,000, with the same sign.
    var nanos: Int32 { Int32(rawValue % 1000) * 1_000_000 }

    /// Whole pence, rounded half to even: an order is rounded only once.
    var pence: Int64 {
        let whole = rawValue >= 0 ? rawValue / 10 : -((9 - rawValue) / 10)
        let rest = rawValue - whole * 10
        return rest > 5 || (rest == 5 && !whole.isMultiple(of: 2)) ? whole + 1 : whole
    }

    static func + (left: Mills, right: Mills) -> Mills { Mills(rawValue: left.rawValue + right.rawValue) }
    static func += (left: inout Mills, right: Mills) { left.rawValue += right.rawValue }
    static func * (quantity: Int, price: Mills) -> Mills { Mills(rawValue: Int64(quantity) * price.rawValue) }
}

extension Mills: Comparable {
    static func < (left: Mills, right: Mills) -> Bool { left.rawValue < right.rawValue }
}

extension Mills: CustomStringConvertible {
    /// The format of the invoices: `2.55`, `18.0`, `0.001`.
    var description: String {
        let sign = rawValue < 0 ? "-" : ""
        let size = rawValue.magnitude
        var places = String(1000 + size % 1000).dropFirst()
        while places.count > 1, places.last == "0" { places.removeLast() }
        return "\(sign)\(size / 1000).\(places)"
    }
}

extension Mills {
    /// The maximum absolute unit price: a million pounds.
    static let priceMax = Mills(rawValue: 1_000_000_000)

    /// Reads `-?digits[.up to three digits]`; `nil` for anything else, or beyond ``priceMax``.
    init?(reading text: some Sequence<UInt8>) {
        var value: Int64 = 0
        var isNegative = false
        var digits = 0
        var places: Int?
        for (index, byte) in text.enumerated() {
            switch byte {
            case UInt8(ascii: "-") where index == 0:
                isNegative = true
            case UInt8(ascii: ".") where digits > 0 && places == nil:
                places = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if let seen = places {
                    guard seen < 3 else { return nil }
                    places = seen + 1
                }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
                digits += 1
                guard value <= Self.priceMax.rawValue else { return nil }
            default:
                return nil
            }
        }
        guard digits > 0, places != 0 else { return nil }
        for _ in (places ?? 0)..<3 { value *= 10 }
        guard value <= Self.priceMax.rawValue else { return nil }
        self.init(rawValue: isNegative ? -value : value)
    }
}
