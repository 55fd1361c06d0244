import MartletCore

/// The name of one hop: an address, with or without a port.
enum ForwardedNode {
    /// `nil` for `unknown`, for a name that hides the address, and for anything else that is none.
    static func address(_ node: [UInt8]) -> IPAddress? {
        if node.first == UInt8(ascii: "["), let end = node.firstIndex(of: UInt8(ascii: "]")) {
            let inner = node[1..<end]
            guard inner.contains(UInt8(ascii: ":")), end == node.count - 1 || isPort(node[(end + 1)...]) else {
                return nil
            }
            return IPAddress(utf8: inner)
        }
        if let address = IPAddress(utf8: node) { return address }
        // The colon of a port is the only one of an IPv4 address.
        guard let colon = node.firstIndex(of: UInt8(ascii: ":")), isPort(node[colon...]) else { return nil }
        return IPAddress(utf8: node[..<colon])
    }

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        text.first == UInt8(ascii: ":") && 2...6 ~= text.count && text.dropFirst().allSatisfy { 48...57 ~= $0 }
    }
}
