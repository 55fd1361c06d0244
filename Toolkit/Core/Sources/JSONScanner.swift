/// Reads JSON token by token (RFC 8259), without building values.
///
/// Never traps on any input.
package struct JSONScanner {
    /// The position of a syntax error and what was expected there.
    package struct Malformed: Error, Equatable {
        package let offset: Int
        package let expected: String
    }

    /// The kind of a value, by its first character.
    package enum Start: Equatable { case object, list, string, number, keyword }

    private let bytes: [UInt8]
    package private(set) var offset = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The kind of the next value, after whitespace.
    package mutating func start() throws(Malformed) -> Start {
        switch next() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .list
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"): return .number
        case let byte? where isDigit(byte): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): return .keyword
        default: throw malformed("a value")
        }
    }

    /// Consumes `character` if it is next, after whitespace.
    package mutating func consume(_ character: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    package mutating func expect(_ character: Unicode.Scalar) throws(Malformed) {
        guard consume(character) else { throw malformed("'\(character)'") }
    }

    /// `true`, `false` or `null`.
    package mutating func keyword() throws(Malformed) -> String {
        for keyword in ["true", "false", "null"] where bytes[offset...].starts(with: keyword.utf8) {
            offset += keyword.utf8.count
            return keyword
        }
        throw malformed("true, false or null")
    }

    /// The characters of a number.
    package mutating func number() throws(Malformed) -> String {
        let first = offset
        if byte == UInt8(ascii: "-") { offset += 1 }
        if byte == UInt8(ascii: "0") {
            offset += 1
            if let byte, isDigit(byte) { throw malformed("a number without a leading zero") }
        } else {
            try digits()
        }
        if byte == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            offset += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return String(decoding: bytes[first..<offset], as: UTF8.self)
    }

    /// The characters of a string, with escapes decoded.
    package mutating func string() throws(Malformed) -> String {
        try expect("\"")
        let first = offset
        while let byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        if byte == UInt8(ascii: "\"") {
            defer { offset += 1 }
            return String(decoding: bytes[first..<offset], as: UTF8.self)
        }
        var text = Array(bytes[first..<offset])
        while let byte, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw malformed("no bare control character in a string") }
            offset += 1
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        guard byte != nil else { throw malformed("the end of a string") }
        offset += 1
        return String(decoding: text, as: UTF8.self)
    }

    package mutating func end() throws(Malformed) {
        if next() != nil { throw malformed("the end") }
    }

    package func malformed(_ expected: String) -> Malformed { Malformed(offset: offset, expected: expected) }
}

extension JSONScanner {
    private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private mutating func next() -> UInt8? {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
        return byte
    }

    private mutating func digits() throws(Malformed) {
        guard let byte, isDigit(byte) else { throw malformed("a digit") }
        while let byte = self.byte, isDigit(byte) { offset += 1 }
    }

    private mutating func escape(into text: inout [UInt8]) throws(Malformed) {
        guard let byte else { throw malformed("an escape") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += Array(String(Character(try scalar())).utf8)
        default:
            offset -= 1
            throw malformed("an escape")
        }
    }

    /// One `\uXXXX`, or two that form a surrogate pair.
    private mutating func scalar() throws(Malformed) -> Unicode.Scalar {
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, byte == UInt8(ascii: "\\") else { throw malformed("a pair of surrogates") }
        offset += 1
        guard byte == UInt8(ascii: "u") else { throw malformed("a pair of surrogates") }
        offset += 1
        let second = try unit()
        guard 0xDC00...0xDFFF ~= second else { throw malformed("a pair of surrogates") }
        let value = 0x10000 + (UInt32(first - 0xD800) << 10) + UInt32(second - 0xDC00)
        guard let scalar = Unicode.Scalar(value) else { throw malformed("a character") }
        return scalar
    }

    private mutating func unit() throws(Malformed) -> UInt16 {
        guard offset + 4 <= bytes.count else { throw malformed("four hexadecimal digits") }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue, bytes[offset] < 0x80 else {
                throw malformed("four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }
}
