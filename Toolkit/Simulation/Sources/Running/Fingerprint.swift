import MartletCore

/// A running hash: equal for two runs that did the same in the same order (FNV-1a over 64-bit words).
public struct Fingerprint: Sendable, Hashable, CustomStringConvertible {
    private var hash = FNV1a()

    public init() {}

    public var value: UInt64 { hash.value }

    public mutating func add(_ value: UInt64) { hash.add(value) }

    /// Adds the bytes and their count, so that consecutive values stay distinct.
    public mutating func add(_ bytes: some Sequence<UInt8>) {
        var count: UInt64 = 0
        for byte in bytes {
            add(UInt64(byte))
            count += 1
        }
        add(count)
    }

    public mutating func add(_ text: String) { add(text.utf8) }

    /// Hexadecimal, 16 digits.
    public var description: String { value.hexadecimal }
}
