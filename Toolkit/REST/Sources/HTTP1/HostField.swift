import NIOCore

/// The value of the header field `Host`: a name or an address, and optionally a port.
///
/// Stricter than the grammar of RFC 3986, by which almost any text is a name: names have letters, digits, `-`, `_` and `.`.
enum HostField {
    private static let nameBytesMax = 255
    private static let portMax = 65_535

    static func isValid(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.first == UInt8(ascii: "[") else {
            let end = value.firstIndex(of: UInt8(ascii: ":")) ?? value.endIndex
            return isName(value[..<end]) && isPort(value[end...])
        }
        guard let end = value.firstIndex(of: UInt8(ascii: "]")) else { return false }
        return isIPv6(value[..<end].dropFirst()) && isPort(value[end...].dropFirst())
    }

    /// Labels with a dot between them, and optionally one at the end; an IPv4 address is such a name.
    private static func isName(_ name: ArraySlice<UInt8>) -> Bool {
        guard 1...nameBytesMax ~= name.count else { return false }
        var isAfterDot = true
        for byte in name {
            switch byte {
            case UInt8(ascii: "."):
                guard !isAfterDot else { return false }
                isAfterDot = true
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                isAfterDot = false
            default: return false
            }
        }
        return true
    }

    private static func isIPv6(_ address: ArraySlice<UInt8>) -> Bool {
        // `SocketAddress` would accept the name of an interface, too.
        guard !address.contains(UInt8(ascii: "%")), address.allSatisfy({ 0x21...0x7E ~= $0 }) else { return false }
        // Any error means that it is no address.
        let parsed = try? SocketAddress(ipAddress: String(decoding: address, as: Unicode.UTF8.self), port: 0)
        return parsed?.protocol == .inet6
    }

    /// Nothing, or a colon and a number, which may be missing (RFC 3986, section 3.2.3).
    private static func isPort(_ port: ArraySlice<UInt8>) -> Bool {
        guard let colon = port.first else { return true }
        let digits = port.dropFirst()
        guard colon == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy(\.isDigit) else { return false }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } <= portMax
    }
}
