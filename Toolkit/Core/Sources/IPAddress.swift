/// An IPv4 or IPv6 address.
///
/// An IPv6 address that maps an IPv4 one (`::ffff:192.0.2.1`) is that IPv4 address: a listener for both gets them so.
package struct IPAddress: Sendable, Hashable {
    /// The longest text of an address, in bytes.
    static let textBytesMax = 45
    /// The bits of an IPv6 address that a provider gives to one subscriber, who chooses the others.
    static let subscriberBits = 64

    package let isIPv6: Bool
    /// The first 64 bits of an IPv6 address; 0 for IPv4.
    let high: UInt64
    /// The last 64 bits of an IPv6 address, or the 32 bits of an IPv4 one.
    let low: UInt64

    private init(isIPv6: Bool, high: UInt64, low: UInt64) {
        self.isIPv6 = isIPv6
        self.high = high
        self.low = low
    }

    /// An address as RFC 4291 and dotted decimals write it: no leading zeros in IPv4, no brackets, no zone.
    package init?(_ text: String) { self.init(utf8: Array(text.utf8)) }

    /// - Parameter text: As in ``init(_:)``, in UTF-8.
    package init?(utf8 text: some Collection<UInt8>) {
        guard text.count <= Self.textBytesMax else { return nil }
        let text = Array(text)
        if let address = Self.ipv4(text[...]) {
            self.init(isIPv6: false, high: 0, low: UInt64(address))
            return
        }
        guard let groups = Self.groups(text[...]) else { return nil }
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let isMapped = high == 0 && low >> 32 == 0xFFFF
        self.init(isIPv6: !isMapped, high: high, low: isMapped ? low & 0xFFFF_FFFF : low)
    }

    /// The addresses of one subscriber of a network: this one for IPv4, its /64 for IPv6.
    package var subscriber: IPAddress { isIPv6 ? masked(Self.subscriberBits) : self }

    /// All bytes, in the order of the network.
    package var bytes: [UInt8] {
        let all = [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) } }
        return isIPv6 ? all : Array(all.suffix(4))
    }

    /// The address with all bits behind the first `length` set to 0.
    func masked(_ length: Int) -> IPAddress {
        guard isIPv6 else {
            return IPAddress(isIPv6: false, high: 0, low: low & Self.mask(length + 32) & 0xFFFF_FFFF)
        }
        return IPAddress(isIPv6: true, high: high & Self.mask(length), low: low & Self.mask(length - 64))
    }

    /// The first `length` of 64 bits set.
    private static func mask(_ length: Int) -> UInt64 {
        length <= 0 ? 0 : length >= 64 ? .max : .max << UInt64(64 - length)
    }
}

// MARK: Reading

extension IPAddress {
    private static func ipv4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            // A leading zero would be octal for some readers.
            guard 1...3 ~= part.count, part.count == 1 || part.first != UInt8(ascii: "0"),
                part.allSatisfy({ 48...57 ~= $0 })
            else { return nil }
            let number = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 48) }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    /// The eight groups of an IPv6 address.
    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else {
            let all = groups(in: text, mayEndWithIPv4: true)
            return all?.count == 8 ? all : nil
        }
        let (before, after) = (text[..<gap], text[(gap + 2)...])
        guard let head = before.isEmpty ? [] : groups(in: before, mayEndWithIPv4: false),
            let tail = after.isEmpty ? [] : groups(in: after, mayEndWithIPv4: true), head.count + tail.count < 8
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func groups(in text: ArraySlice<UInt8>, mayEndWithIPv4: Bool) -> [UInt16]? {
        var groups: [UInt16] = []
        var parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var last: [UInt16] = []
        if mayEndWithIPv4, let part = parts.last, let address = ipv4(part) {
            last = [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
            parts.removeLast()
        }
        for part in parts {
            guard 1...4 ~= part.count else { return nil }
            var group: UInt16 = 0
            for byte in part {
                guard let digit = digit(byte) else { return nil }
                group = group << 4 | digit
            }
            groups.append(group)
        }
        return groups + last
    }

    private static func digit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case 48...57: UInt16(byte - 48)
        case 65...70: UInt16(byte - 55)
        case 97...102: UInt16(byte - 87)
        default: nil
        }
    }
}
