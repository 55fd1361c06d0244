/// A value or a name in a JSON text.
struct JSONToken {
    enum Kind: UInt8 { case object, array, string, integer, fraction, yes, no, null }

    let kind: Kind
    /// Whether a string has escapes.
    var isEscaped = false
    /// Of the first byte; of a string, behind its quote.
    let offset: UInt32
    /// Bytes of a string, without quotes, or of a number; members of an object; elements of an array.
    var count: UInt32 = 0
    /// The index behind the value and all that it contains.
    var next: UInt32 = 0
    /// Of an object: the index of the name that was found last, with which the next search begins.
    var found: UInt32 = 0
}

/// The values and names of a JSON text (RFC 8259), in their order: a name is followed by its value, and a container by
/// what it contains.
///
/// Refuses what is no JSON, and what is JSON but needs more: names that have an escape or a character outside of ASCII,
/// names that are there twice, lone surrogates, deep nesting. Never traps on any input.
struct JSONTokens {
    /// Containers in one another.
    static let depthLimit = 128
    /// Of names that are not in the order of their bytes: each is compared with all.
    static let unsortedLimit = 64

    private let bytes: UnsafePointer<UInt8>
    private var offset = 0
    private var capacity: Int
    private(set) var tokens: UnsafeMutablePointer<JSONToken>
    private(set) var count = 0

    /// - Parameter bytes: `length` bytes, and eight zeros.
    init(_ bytes: UnsafePointer<UInt8>, length: Int) {
        self.bytes = bytes
        capacity = 8 + length / 4
        tokens = .allocate(capacity: capacity)
    }

    /// `false` when the text is refused; the tokens have to be deallocated in either case.
    mutating func scan(length: Int) -> Bool {
        guard scanValue(depth: 0) else { return false }
        skipSpace()
        return offset == length
    }
}

extension JSONTokens {
    private mutating func append(_ token: JSONToken) -> Int {
        if count == capacity {
            let larger = UnsafeMutablePointer<JSONToken>.allocate(capacity: 2 * capacity)
            larger.moveInitialize(from: tokens, count: count)
            tokens.deallocate()
            tokens = larger
            capacity *= 2
        }
        (tokens + count).initialize(to: token)
        count += 1
        return count - 1
    }

    private mutating func skipSpace() {
        while bytes[offset] == 0x20 || bytes[offset] == 0x0A || bytes[offset] == 0x0D || bytes[offset] == 0x09 {
            offset += 1
        }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func scanValue(depth: Int) -> Bool {
        skipSpace()
        switch bytes[offset] {
        case UInt8(ascii: "\""):
            return scanString() != nil
        case UInt8(ascii: "{"):
            return depth < Self.depthLimit && scanObject(depth: depth + 1)
        case UInt8(ascii: "["):
            return depth < Self.depthLimit && scanArray(depth: depth + 1)
        case UInt8(ascii: "t"):
            return scanKeyword("true", .yes)
        case UInt8(ascii: "f"):
            return scanKeyword("false", .no)
        case UInt8(ascii: "n"):
            return scanKeyword("null", .null)
        default:
            return scanNumber()
        }
    }

    private mutating func scanKeyword(_ text: StaticString, _ kind: JSONToken.Kind) -> Bool {
        for index in 0..<text.utf8CodeUnitCount where bytes[offset + index] != text.utf8Start[index] { return false }
        let token = append(JSONToken(kind: kind, offset: UInt32(offset)))
        tokens[token].next = UInt32(count)
        offset += text.utf8CodeUnitCount
        return true
    }

    private mutating func scanArray(depth: Int) -> Bool {
        let token = append(JSONToken(kind: .array, offset: UInt32(offset)))
        offset += 1
        skipSpace()
        var elements: UInt32 = 0
        if !skip("]") {
            repeat {
                guard scanValue(depth: depth) else { return false }
                elements += 1
                skipSpace()
            } while skip(",")
            guard skip("]") else { return false }
        }
        tokens[token].count = elements
        tokens[token].next = UInt32(count)
        return true
    }

    private mutating func scanObject(depth: Int) -> Bool {
        let token = append(JSONToken(kind: .object, offset: UInt32(offset)))
        offset += 1
        skipSpace()
        var members: UInt32 = 0
        var isSorted = true
        var last = token
        if !skip("}") {
            repeat {
                skipSpace()
                guard bytes[offset] == UInt8(ascii: "\""), let name = scanString(), isPlainName(name) else {
                    return false
                }
                if members > 0, comparison(last, name) >= 0 { isSorted = false }
                last = name
                skipSpace()
                guard skip(":"), scanValue(depth: depth) else { return false }
                members += 1
                skipSpace()
            } while skip(",")
            guard skip("}") else { return false }
        }
        tokens[token].count = members
        tokens[token].next = UInt32(count)
        tokens[token].found = UInt32(token + 1)
        return isSorted || hasDistinctNames(token)
    }

    private func isPlainName(_ name: Int) -> Bool {
        if tokens[name].isEscaped { return false }
        let start = bytes + Int(tokens[name].offset)
        for index in 0..<Int(tokens[name].count) where start[index] >= 0x80 { return false }
        return true
    }

    /// Negative, 0 or positive, by the bytes of two names.
    private func comparison(_ left: Int, _ right: Int) -> Int {
        let (first, second) = (bytes + Int(tokens[left].offset), bytes + Int(tokens[right].offset))
        for index in 0..<Int(min(tokens[left].count, tokens[right].count)) where first[index] != second[index] {
            return Int(first[index]) - Int(second[index])
        }
        return Int(tokens[left].count) - Int(tokens[right].count)
    }

    private func hasDistinctNames(_ object: Int) -> Bool {
        guard tokens[object].count <= Self.unsortedLimit else { return false }
        var left = object + 1
        while left < count {
            var right = Int(tokens[left + 1].next)
            while right < count {
                if comparison(left, right) == 0 { return false }
                right = Int(tokens[right + 1].next)
            }
            left = Int(tokens[left + 1].next)
        }
        return true
    }
}

// MARK: Strings and numbers

extension JSONTokens {
    /// The index of its token.
    private mutating func scanString() -> Int? {
        let start = offset + 1
        offset = start
        var isEscaped = false
        while true {
            offset += JSONBytes.plainPrefix(bytes + offset)
            if bytes[offset] == UInt8(ascii: "\"") { break }
            guard bytes[offset] == UInt8(ascii: "\\"), skipEscape() else { return nil }
            isEscaped = true
        }
        let token = append(
            JSONToken(kind: .string, isEscaped: isEscaped, offset: UInt32(start), count: UInt32(offset - start))
        )
        tokens[token].next = UInt32(count)
        offset += 1
        return token
    }

    private mutating func skipEscape() -> Bool {
        switch bytes[offset + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 2
            return true
        case UInt8(ascii: "u"):
            guard JSONBytes.scalar(bytes + offset + 2) != nil else { return false }
            offset += 6
            return true
        default:
            return false
        }
    }

    private mutating func scanNumber() -> Bool {
        let start = offset
        var kind = JSONToken.Kind.integer
        _ = skip("-")
        if !skip("0"), !skipDigits() { return false }
        if skip(".") {
            kind = .fraction
            guard skipDigits() else { return false }
        }
        if skip("e") || skip("E") {
            kind = .fraction
            if !skip("+") { _ = skip("-") }
            guard skipDigits() else { return false }
        }
        let token = append(JSONToken(kind: kind, offset: UInt32(start), count: UInt32(offset - start)))
        tokens[token].next = UInt32(count)
        return true
    }

    private mutating func skipDigits() -> Bool {
        let start = offset
        while UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] { offset += 1 }
        return offset > start
    }
}
