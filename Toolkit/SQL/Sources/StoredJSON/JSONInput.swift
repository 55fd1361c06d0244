/// A JSON text with its tokens, from which values are decoded in any order.
///
/// Whatever is not read here as Foundation's decoder reads it is refused, see ``StoredJSON``.
final class JSONInput {
    /// Texts with more bytes are refused: offsets have 32 bits.
    static let bytesLimit = Int(Int32.max)

    /// Once something was refused, the value is not used.
    private(set) var isRefused = false
    /// Eight zeros follow the text.
    private let bytes: UnsafeMutablePointer<UInt8>
    private let tokens: UnsafeMutablePointer<JSONToken>

    /// `nil` when the text is refused.
    init?(_ text: String) {
        let length = text.utf8.count
        guard length <= Self.bytesLimit else { return nil }
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: length + 8)
        var text = text
        text.withUTF8 { if let start = $0.baseAddress { bytes.initialize(from: start, count: length) } }
        (bytes + length).initialize(repeating: 0, count: 8)
        self.bytes = bytes
        var scanned = JSONTokens(bytes, length: length)
        let isJSON = scanned.scan(length: length)
        tokens = scanned.tokens
        if !isJSON { return nil }
    }

    deinit {
        bytes.deallocate()
        tokens.deallocate()
    }

    func refuse() -> JSONRefused {
        isRefused = true
        return JSONRefused()
    }

    subscript(token: Int) -> JSONToken { tokens[token] }
}

// MARK: Values

extension JSONInput {
    func decode<Value: Decodable>(_ type: Value.Type, at token: Int) throws -> Value {
        if StoredJSON.isLeftToFoundation(type) { throw refuse() }
        return try Value(from: StoredDecoder(input: self, token: token))
    }

    func bool(at token: Int) throws -> Bool {
        switch tokens[token].kind {
        case .yes: return true
        case .no: return false
        default: throw refuse()
        }
    }

    func string(at token: Int) throws -> String {
        let token = tokens[token]
        guard token.kind == .string else { throw refuse() }
        let content = UnsafeBufferPointer(start: bytes + Int(token.offset), count: Int(token.count))
        return token.isEscaped ? unescaped(content) : String(decoding: content, as: UTF8.self)
    }

    private func unescaped(_ content: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: content.count) { text in
            var (from, to) = (0, 0)
            while from < content.count {
                guard content[from] == UInt8(ascii: "\\") else {
                    text[to] = content[from]
                    from += 1
                    to += 1
                    continue
                }
                let letter = content[from + 1]
                from += 2
                if letter == UInt8(ascii: "u"), let start = content.baseAddress {
                    let scalar = JSONBytes.scalar(start + from) ?? "\u{FFFD}"  // It was checked by the scan.
                    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                        text[to] = byte
                        to += 1
                    }
                    from += 4
                } else {
                    text[to] = Self.control(letter)
                    to += 1
                }
            }
            return to
        }
    }

    private static func control(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }

    /// Digits without a fraction or exponent; Foundation reads whole numbers in other forms, too.
    @inline(__always)
    func integer<Value: FixedWidthInteger>(at token: Int) throws -> Value {
        guard let (magnitude, isNegative) = digits(at: token), !isNegative || magnitude <= 1 << 63,
            let exact = isNegative ? Value(exactly: Int64(bitPattern: 0 &- magnitude)) : Value(exactly: magnitude)
        else { throw refuse() }
        return exact
    }

    private func digits(at token: Int) -> (magnitude: UInt64, isNegative: Bool)? {
        let token = tokens[token]
        let digits = bytes + Int(token.offset)
        let isNegative = digits[0] == UInt8(ascii: "-")
        // 20 digits can be too large for 64 bits.
        guard token.kind == .integer, token.count <= (isNegative ? 20 : 19) else { return nil }
        var value: UInt64 = 0
        for index in (isNegative ? 1 : 0)..<Int(token.count) {
            value = value &* 10 &+ UInt64(digits[index] &- UInt8(ascii: "0"))
        }
        return (value, isNegative)
    }

    @inline(__always)
    func number<Value: LosslessStringConvertible & BinaryFloatingPoint>(at token: Int) throws -> Value {
        if let (whole, isNegative) = digits(at: token), whole < 1 << 53, !isNegative { return Value(whole) }
        let token = tokens[token]
        guard token.kind == .integer || token.kind == .fraction else { throw refuse() }
        let digits = UnsafeBufferPointer(start: bytes + Int(token.offset), count: Int(token.count))
        // Foundation refuses what is too small or too large.
        guard let value = Value(String(decoding: digits, as: UTF8.self)), value.isNormal else { throw refuse() }
        return value
    }
}

// MARK: Members

extension JSONInput {
    /// The token of the value with this name; `nil` without one.
    ///
    /// Members are usually read in the order in which they are written, or nearly so: the search begins where the last
    /// one ended.
    func member(_ name: String, of object: Int) -> Int? {
        var name = name
        return name.withUTF8 { member($0, of: object) }
    }

    private func member(_ name: UnsafeBufferPointer<UInt8>, of object: Int) -> Int? {
        let end = Int(tokens[object].next)
        let first = Int(tokens[object].found)
        if let found = member(name, from: first, to: end) ?? member(name, from: object + 1, to: first) {
            tokens[object].found = UInt32(found)
            return found + 1
        }
        // Foundation takes some characters for equal to one of ASCII, such as the Kelvin sign.
        if name.contains(where: { $0 >= 0x80 }) { isRefused = true }
        return nil
    }

    private func member(_ name: UnsafeBufferPointer<UInt8>, from first: Int, to end: Int) -> Int? {
        var token = first
        while token < end {
            if Int(tokens[token].count) == name.count {
                let start = bytes + Int(tokens[token].offset)
                var index = 0
                while index < name.count, start[index] == name[index] { index += 1 }
                if index == name.count { return token }
            }
            token = Int(tokens[token + 1].next)
        }
        return nil
    }

    func keys<Key: CodingKey>(of object: Int) -> [Key] {
        var keys: [Key] = []
        keys.reserveCapacity(Int(tokens[object].count))
        var token = object + 1
        while token < Int(tokens[object].next) {
            let name = UnsafeBufferPointer(start: bytes + Int(tokens[token].offset), count: Int(tokens[token].count))
            if let key = Key(stringValue: String(decoding: name, as: UTF8.self)) { keys.append(key) }
            token = Int(tokens[token + 1].next)
        }
        return keys
    }
}
