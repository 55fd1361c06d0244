/// A running hash of what happened: equal for two runs that did the same, in the same order (FNV-1a over words).
public struct Fingerprint: Sendable, Hashable, CustomStringConvertible {
    public private(set) var value: UInt64 = 14_695_981_039_346_656_037

    public init() {}

    public mutating func add(_ word: UInt64) { value = (value ^ word) &* 1_099_511_628_211 }

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
    public var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
