/// A block of addresses, as in `10.0.0.0/8` or `2001:db8::/32`.
package struct IPNetwork: Sendable, Hashable {
    private let first: IPAddress
    /// The bits that all addresses of the block share.
    private let length: Int

    /// An address, or a block: its first address, a slash and the number of bits that all its addresses share.
    ///
    /// `nil` for anything else, also for an address that is not the first of its block, as in `10.1.0.0/8`: a typing
    /// error would trust others than meant.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(utf8: parts[0]) else { return nil }
        let bits = address.isIPv6 ? 128 : 32
        var length = bits
        if parts.count == 2 {
            guard 1...3 ~= parts[1].count, parts[1].allSatisfy({ 48...57 ~= $0 }),
                let number = Int(String(decoding: parts[1], as: UTF8.self))
            else { return nil }
            // A block of mapped addresses is written with the bits of IPv6.
            let isMapped = !address.isIPv6 && parts[0].contains(UInt8(ascii: ":"))
            length = isMapped ? number - 96 : number
        }
        guard 0...bits ~= length, address.masked(length) == address else { return nil }
        first = address
        self.length = length
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv6 == first.isIPv6 && address.masked(length) == first
    }

    /// Addresses and blocks with commas between them; blanks around them are ignored.
    ///
    /// - Returns: `nil` when one of them is neither.
    package static func list(_ text: String) -> [IPNetwork]? {
        var networks: [IPNetwork] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var part = part.drop { $0 == " " }
            while part.last == " " { part.removeLast() }
            guard let network = IPNetwork(String(part)) else { return nil }
            networks.append(network)
        }
        return networks
    }
}
