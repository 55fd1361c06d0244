/// Bytes of JSON, eight at a time.
enum JSONBytes {
    /// The number of bytes before the first quote, backslash or control character.
    static func plainPrefix(_ bytes: UnsafePointer<UInt8>, count: Int) -> Int {
        var offset = 0
        while offset + 8 <= count, isPlain(bytes + offset) { offset += 8 }
        while offset < count, isPlain(bytes[offset]) { offset += 1 }
        return offset
    }

    /// The number of bytes before the first quote, backslash or control character, which must exist; eight zeros follow
    /// the text.
    static func plainPrefix(_ bytes: UnsafePointer<UInt8>) -> Int {
        var offset = 0
        while isPlain(bytes + offset) { offset += 8 }
        while isPlain(bytes[offset]) { offset += 1 }
        return offset
    }

    /// Whether all bytes are of ASCII, and none is a quote, backslash or control character but DEL.
    static func isPlainASCII(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
        guard plainPrefix(bytes, count: count) == count else { return false }
        var all: UInt8 = 0
        for index in 0..<count { all |= bytes[index] }
        return all < 0x80
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// Of eight bytes.
    private static func isPlain(_ bytes: UnsafePointer<UInt8>) -> Bool {
        let word = UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let found =
            ((word &- ones &* 0x20) & ~word) | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
        return found & (ones &* 0x80) == 0
    }

    /// That of four hexadecimal digits; `nil` without these, and for half of a surrogate pair.
    static func scalar(_ digits: UnsafePointer<UInt8>) -> Unicode.Scalar? {
        var value: UInt32 = 0
        for index in 0..<4 {
            let digit: UInt8
            switch digits[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = digits[index] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = digits[index] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = digits[index] - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return Unicode.Scalar(value)
    }
}
