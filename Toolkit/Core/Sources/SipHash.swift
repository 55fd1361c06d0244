/// SipHash-2-4 with a secret key: a caller who does not know the key cannot choose texts of one hash.
///
/// After Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). For tables whose keys come from callers; with
/// the key from an `Entropy` a run can be replayed, unlike with `Hasher`.
package struct SipHash: Sendable {
    private let key: (first: UInt64, second: UInt64)

    /// - Parameters:
    ///   - first: Bytes 0 to 7 of the key, little-endian.
    ///   - second: Bytes 8 to 15.
    package init(key first: UInt64, _ second: UInt64) { key = (first, second) }

    /// A hash with a random key.
    package init(_ entropy: any Entropy) { self.init(key: entropy.next(), entropy.next()) }

    package func hash(_ bytes: [UInt8]) -> UInt64 {
        var state = State(key.first, key.second)
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word |= UInt64(byte) << UInt64(index % 8 * 8)
            guard index % 8 == 7 else { continue }
            state.add(word)
            word = 0
        }
        state.add(word | UInt64(bytes.count) << 56)
        return state.finish()
    }

    private struct State {
        private var v0: UInt64
        private var v1: UInt64
        private var v2: UInt64
        private var v3: UInt64

        init(_ first: UInt64, _ second: UInt64) {
            v0 = first ^ 0x736F_6D65_7073_6575
            v1 = second ^ 0x646F_7261_6E64_6F6D
            v2 = first ^ 0x6C79_6765_6E65_7261
            v3 = second ^ 0x7465_6462_7974_6573
        }

        mutating func add(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = rotated(v1, 13) ^ v0
            v0 = rotated(v0, 32)
            v2 &+= v3
            v3 = rotated(v3, 16) ^ v2
            v0 &+= v3
            v3 = rotated(v3, 21) ^ v0
            v2 &+= v1
            v1 = rotated(v1, 17) ^ v2
            v2 = rotated(v2, 32)
        }

        private func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
    }
}
