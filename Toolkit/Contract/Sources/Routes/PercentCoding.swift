/// Percent-encoding (RFC 3986).
enum PercentCoding {
    /// The decoded text; `nil` when the encoding is invalid or the bytes are not UTF-8.
    ///
    /// - Parameters:
    ///   - encoded: One segment of a path, or a name or value of a query.
    ///   - plusIsBlank: Whether `+` means a space, as in a query.
    static func decoded(_ encoded: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        let isPlain = encoded.utf8.allSatisfy { byte in
            byte != UInt8(ascii: "%") && (!plusIsBlank || byte != UInt8(ascii: "+"))
        }
        if isPlain { return String(encoded) }
        var bytes: [UInt8] = []
        var rest = Array(encoded.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = digit(rest.popFirst()), let low = digit(rest.popFirst()) else { return nil }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case let byte? where UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte: byte - UInt8(ascii: "0")
        case let byte? where UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte: byte - UInt8(ascii: "a") + 10
        case let byte? where UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte: byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
