import MartletSQL

/// A number of PostgreSQL's type `numeric`, which sums and averages of integers have.
struct PostgresNumeric {
    /// Digits to the base 10,000, the highest one first.
    private let digits: [Int64]
    /// The power of 10,000 of the first digit.
    private let weight: Int
    private let sign: UInt16
    /// Decimal digits after the point.
    private let scale: Int

    private static let negative: UInt16 = 0x4000
    private static let notANumber: UInt16 = 0xC000
    private static let infinity: UInt16 = 0xD000
    private static let negativeInfinity: UInt16 = 0xF000

    /// Reads the binary form: counts and digits are words of 16 bits.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        let words = stride(from: 0, to: bytes.count - 1, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        guard words.count >= 4, words.count == 4 + Int(words[0]) else {
            throw SQLError(.unavailable, code: "protocol", message: "a number has no valid form")
        }
        weight = Int(Int16(bitPattern: words[1]))
        sign = words[2]
        scale = Int(words[3])
        digits = words.dropFirst(4).map { Int64($0) }
    }

    /// An integer where the number has no digits after the point, as a sum of integers; otherwise a real.
    ///
    /// - Throws: `SQLError` with `misuse` for an integer beyond 64 bits.
    func value() throws -> SQLValue {
        switch sign {
        case Self.notANumber: return .real(.nan)
        case Self.infinity: return .real(.infinity)
        case Self.negativeInfinity: return .real(-.infinity)
        default: return scale == 0 ? .integer(try integer()) : .real(real)
        }
    }

    private func integer() throws -> Int64 {
        // Negative, since the least number has no positive counterpart.
        var value: Int64 = 0
        for power in stride(from: weight, through: 0, by: -1) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, carry) = product.subtractingReportingOverflow(digit(ofPower: power))
            guard !overflow, !carry else { throw Self.tooLarge }
            value = sum
        }
        guard sign != Self.negative else { return value }
        guard value != .min else { throw Self.tooLarge }
        return -value
    }

    private func digit(ofPower power: Int) -> Int64 {
        let index = weight - power
        return digits.indices.contains(index) ? digits[index] : 0
    }

    private var real: Double {
        // By its decimal text, which is rounded once.
        let text = digits.map { "\($0 + 10_000)".dropFirst() }.joined()
        let exponent = (weight + 1 - digits.count) * 4
        return Double("\(sign == Self.negative ? "-" : "")\(text.isEmpty ? "0" : text)e\(exponent)") ?? .nan
    }

    private static let tooLarge = SQLError(.misuse, code: "22003", message: "a number has more than 64 bits")
}
