/// Rewrites characters that JSON escapes as two surrogates, before a decoder reads them.
///
/// JSON writes a character beyond U+FFFF as it is, or as `\ud842\udfb7`: two units of UTF-16 that belong together.
/// SwiftProtobuf 1.39.0 joins them to another character in every second plane (U+20BB7 becomes U+10BB7). The bytes that
/// this returns have the same meaning for every decoder.
package enum JSONPairs {
    /// The same JSON with escaped pairs of surrogates as UTF-8; everything else as it is, valid or not.
    package static func joined(_ json: [UInt8]) -> [UInt8] {
        guard var index = json.firstIndex(of: UInt8(ascii: "\\")) else { return json }
        var joined = Array(json[..<index])
        joined.reserveCapacity(json.count)
        while index < json.count {
            if let scalar = pair(json, at: index) {
                joined.append(contentsOf: Character(scalar).utf8)
                index += 12
            } else if json[index] == UInt8(ascii: "\\"), index + 1 < json.count {
                // Both bytes, so that an escaped backslash begins no escape.
                joined.append(json[index])
                joined.append(json[index + 1])
                index += 2
            } else {
                joined.append(json[index])
                index += 1
            }
        }
        return joined
    }

    /// The same for JSON as text.
    package static func joined(_ json: String) -> String { String(decoding: joined(Array(json.utf8)), as: UTF8.self) }

    /// The character of the two escapes that begin at `index`; `nil` when there are no such.
    private static func pair(_ json: [UInt8], at index: Int) -> Unicode.Scalar? {
        guard let high = unit(json, at: index), 0xD800...0xDBFF ~= high, let low = unit(json, at: index + 6),
            0xDC00...0xDFFF ~= low
        else { return nil }
        return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    }

    /// The unit of one `\uXXXX`.
    private static func unit(_ json: [UInt8], at index: Int) -> UInt32? {
        guard index + 6 <= json.count, json[index] == UInt8(ascii: "\\"), json[index + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var unit: UInt32 = 0
        for byte in json[index + 2..<index + 6] {
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}
