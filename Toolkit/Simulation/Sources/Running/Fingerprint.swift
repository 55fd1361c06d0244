import MartletCore

/// A running hash of what happened: equal for two runs that did the same, in the same order (FNV-1a over words).
public struct Fingerprint: Sendable, Hashable, CustomStringConvertible {
    private var hash = FNV1a()

    public init() {}

    public var value: UInt64 { hash.value }

    public mutating func add(_ word: UInt64) { hash.add(word) }

    /// Adds the bytes and how many they are, so that neighbours do not run into one another.
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
