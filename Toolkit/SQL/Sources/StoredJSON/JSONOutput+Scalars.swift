// MARK: Values without members or elements, where a value is due

extension JSONOutput {
    func writeNull() { append("null") }

    func write(_ value: Bool) { append(value ? "true" : "false") }

    private func append(_ text: StaticString) {
        reserve(text.utf8CodeUnitCount).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        advance(by: text.utf8CodeUnitCount)
    }

    @inline(__always)
    func write(_ value: some FixedWidthInteger) throws {
        guard let magnitude = UInt64(exactly: value.magnitude) else { throw refuse() }
        if value < 0 { append(UInt8(ascii: "-")) }
        writeDigits(magnitude)
    }

    private func writeDigits(_ value: UInt64) {
        var digits = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        let place = reserve(digits)
        rest = value
        for index in stride(from: digits - 1, through: 0, by: -1) {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            place[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        }
        advance(by: digits)
    }

    /// The shortest digits that are read as the same value; a whole number without a fraction.
    @inline(__always)
    func write(_ value: some BinaryFloatingPoint & CustomStringConvertible) throws {
        guard value.isFinite else { throw refuse() }
        var text = value.description
        text.withUTF8 { text in
            var length = text.count
            if length > 2, text[length - 1] == UInt8(ascii: "0"), text[length - 2] == UInt8(ascii: ".") { length -= 2 }
            guard let start = text.baseAddress else { return }
            reserve(length).update(from: start, count: length)
            advance(by: length)
        }
    }

    func write(_ text: String) {
        var text = text
        append(UInt8(ascii: "\""))
        text.withUTF8 { text in
            guard let start = text.baseAddress else { return }
            let plain = JSONBytes.plainPrefix(start, count: text.count)
            reserve(text.count).update(from: start, count: plain)
            advance(by: plain)
            for index in plain..<text.count { appendEscaped(text[index]) }
        }
        append(UInt8(ascii: "\""))
    }

    private func appendEscaped(_ byte: UInt8) {
        let letter: UInt8
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): letter = byte
        case 0x08: letter = UInt8(ascii: "b")
        case 0x09: letter = UInt8(ascii: "t")
        case 0x0A: letter = UInt8(ascii: "n")
        case 0x0C: letter = UInt8(ascii: "f")
        case 0x0D: letter = UInt8(ascii: "r")
        case 0..<0x20:
            append("\\u00")
            append(UInt8(ascii: "0") + byte >> 4)
            append(byte & 15 < 10 ? UInt8(ascii: "0") + byte & 15 : UInt8(ascii: "a") + byte & 15 - 10)
            return
        default:
            append(byte)
            return
        }
        append(UInt8(ascii: "\\"))
        append(letter)
    }
}
