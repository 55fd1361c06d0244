/// A UUID of version 7 (RFC 9562): sortable by the millisecond in which it was made.
public struct Identifier: Sendable, Hashable, Comparable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64

    /// Made from the wall clock and 74 random bits.
    public init(time: some TimeSource, entropy: some Entropy) {
        let milliseconds = UInt64(clamping: time.date.milliseconds) & 0xFFFF_FFFF_FFFF
        high = milliseconds << 16 | 0x7000 | entropy.next() & 0x0FFF
        low = 0x8000_0000_0000_0000 | entropy.next() & 0x3FFF_FFFF_FFFF_FFFF
    }

    /// Lower-case hexadecimal with dashes, 36 characters.
    public var description: String {
        let digits = Array((high.hexadecimal + low.hexadecimal).utf8)
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return groups.map { String(decoding: digits[$0], as: UTF8.self) }.joined(separator: "-")
    }

    public static func < (left: Identifier, right: Identifier) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
