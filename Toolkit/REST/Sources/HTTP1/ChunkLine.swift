/// The line in front of a chunk: its size in hexadecimal digits, and extensions, which are ignored (RFC 9112, section 7.1).
struct ChunkLine: Equatable {
    /// Of the longest one without extensions, with its end; any size of more digits is more than any limit.
    static let bytesMax = digitsMax + 2
    private static let digitsMax = 15

    /// 0 for the last chunk.
    let size: Int
    /// Of its extensions.
    let extensionBytes: Int

    /// - Parameter line: With its end.
    init(_ line: [UInt8]) throws(RequestRefusal) {
        guard line.count >= 2, line.suffix(2).elementsEqual([0x0D, 0x0A]) else { throw .chunk }
        let text = line.dropLast(2)
        let digits = text.prefix { $0.isHexDigit }
        let rest = text.dropFirst(digits.count)
        guard !digits.isEmpty, rest.isEmpty || Self.isExtension(rest) else { throw .chunk }
        guard digits.count <= Self.digitsMax, let size = Int(String(decoding: digits, as: Unicode.UTF8.self), radix: 16)
        else { throw .bodyTooLong }
        self.size = size
        extensionBytes = rest.count
    }

    /// A semicolon and a name, with whatever follows; no control characters.
    private static func isExtension(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return false }
        let rest = text.trimmed
        return rest.first == UInt8(ascii: ";") && rest.dropFirst().trimmed.first?.isTokenByte == true
    }
}

extension RequestRefusal {
    static var chunk: Self { .malformed(part: "body", rule: "has chunks that are framed wrongly") }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
