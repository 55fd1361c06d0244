/// The header `Forwarded` of RFC 7239: elements with commas between them, pairs with semicolons.
struct ForwardedHeader {
    private let text: [UInt8]
    private var position = 0

    private init(_ text: [UInt8]) { self.text = text }

    /// The value of `for` of each element.
    ///
    /// - Returns: `nil` when the header is not well-formed, or an element has not exactly one `for`.
    static func nodes(_ text: [UInt8]) -> [[UInt8]]? {
        var reader = ForwardedHeader(text)
        var nodes: [[UInt8]] = []
        repeat {
            guard let node = reader.element() else { return nil }
            nodes.append(node)
        } while reader.skip(UInt8(ascii: ","))
        return reader.position == text.count ? nodes : nil
    }

    private mutating func element() -> [UInt8]? {
        var node: [UInt8]?
        repeat {
            skipBlanks()
            let name = token()
            guard !name.isEmpty, skip(UInt8(ascii: "=")), let value = value() else { return nil }
            if String(decoding: name, as: UTF8.self).lowercased() == "for" {
                guard node == nil else { return nil }
                node = value
            }
            skipBlanks()
        } while skip(UInt8(ascii: ";"))
        return node
    }

    private mutating func value() -> [UInt8]? {
        guard skip(UInt8(ascii: "\"")) else {
            let token = token()
            return token.isEmpty ? nil : token
        }
        var value: [UInt8] = []
        while position < text.count {
            var byte = text[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return value }
            if byte == UInt8(ascii: "\\") {
                guard position < text.count else { return nil }
                byte = text[position]
                position += 1
            }
            value.append(byte)
        }
        return nil
    }

    private mutating func token() -> [UInt8] {
        let start = position
        while position < text.count, Self.isTokenByte(text[position]) { position += 1 }
        return Array(text[start..<position])
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < text.count, text[position] == UInt8(ascii: " ") || text[position] == UInt8(ascii: "\t") {
            position += 1
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
