import MartletCore

/// A minimal JSON writer: a log line must not allocate an encoder.
struct JSONText {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func open(_ key: String? = nil) {
        if let key { name(key) } else if needsComma { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    mutating func close() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func field(_ key: String, _ value: String) {
        name(key)
        string(value)
        needsComma = true
    }

    /// Adds a field, unless more than `limit` bytes would be written; returns whether it was added.
    mutating func field(_ key: String, _ value: String, upTo limit: Int) -> Bool {
        let (length, comma) = (bytes.count, needsComma)
        field(key, value)
        guard bytes.count > limit else { return true }
        bytes.removeLast(bytes.count - length)
        needsComma = comma
        return false
    }

    private mutating func name(_ key: String) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        string(key)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Quotes and escapes: no byte of `value` can end the string or the line.
    private mutating func string(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
            case UInt8(ascii: "\r"): bytes += Array("\\r".utf8)
            case UInt8(ascii: "\t"): bytes += Array("\\t".utf8)
            case 0..<0x20, 0x7F: bytes += Array("\\u00\(byte.hexadecimal)".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
