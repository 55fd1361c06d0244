import MartletSQL
import Testing

@testable import MartletPostgreSQL

@Suite("A number of the type numeric")
struct PostgresNumericTests {
    /// The binary form: the count of digits, the weight of the first one, the sign, the scale, the digits.
    private func value(weight: Int16, sign: UInt16 = 0, scale: UInt16 = 0, _ digits: [UInt16]) throws -> SQLValue {
        let words = [UInt16(digits.count), UInt16(bitPattern: weight), sign, scale] + digits
        let bytes = words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        return try bytes.withUnsafeBytes { try PostgresNumeric($0).value() }
    }

    private let negative: UInt16 = 0x4000

    @Test("without digits after the point, it is an integer")
    func integers() throws {
        #expect(try value(weight: 0, []) == .integer(0))
        #expect(try value(weight: 0, [7]) == .integer(7))
        #expect(try value(weight: 1, [1, 2]) == .integer(10_002))
        // Zeros at the end are left out.
        #expect(try value(weight: 2, sign: negative, [3]) == .integer(-300_000_000))
        #expect(try value(weight: 4, [922, 3372, 368, 5477, 5807]) == .integer(.max))
        #expect(try value(weight: 4, sign: negative, [922, 3372, 368, 5477, 5808]) == .integer(.min))
    }

    @Test("an integer beyond 64 bits is refused", arguments: [false, true])
    func tooLarge(_ isNegative: Bool) {
        let last: UInt16 = isNegative ? 5809 : 5808
        let sign = isNegative ? negative : 0
        #expect(throws: SQLError.self) { try value(weight: 4, sign: sign, [922, 3372, 368, 5477, last]) }
        #expect(throws: SQLError.self) { try value(weight: 10, sign: sign, [1]) }
    }

    @Test("with digits after the point, it is a real")
    func reals() throws {
        #expect(try value(weight: 0, scale: 2, [3, 1400]) == .real(3.14))
        #expect(try value(weight: -1, sign: negative, scale: 4, [5]) == .real(-0.0005))
        #expect(try value(weight: 1, scale: 1, [12, 3400]) == .real(123_400))
        #expect(try value(weight: 0, scale: 16, [3]) == .real(3))
        #expect(try value(weight: 0, scale: 2, []) == .real(0))
        #expect(try value(weight: 0, sign: 0xD000, []) == .real(.infinity))
        #expect(try value(weight: 0, sign: 0xF000, []) == .real(-.infinity))
    }

    @Test("another form is refused")
    func malformed() {
        for bytes: [UInt8] in [[], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]] {
            #expect(throws: SQLError.self) { try bytes.withUnsafeBytes { _ = try PostgresNumeric($0) } }
        }
    }
}
