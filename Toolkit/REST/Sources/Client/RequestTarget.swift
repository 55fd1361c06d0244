/// The target of a request, RFC 9112 section 3.2.
enum RequestTarget {
    private static let allowed = Set("-._~:/?[]@!$&'()*+,;=%".utf8)

    /// Percent-encodes what a target cannot contain: a space or a line break would end the request line.
    ///
    /// A `%` is assumed to begin an encoded byte.
    static func encoded(_ target: String) -> String {
        guard !target.utf8.allSatisfy(isAllowed) else { return target }
        var text = ""
        for byte in target.utf8 {
            if isAllowed(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: allowed.contains(byte)
        }
    }
}
