/// The 64-bit FNV-1a hash of what was added: the same in every process and release, and not cryptographic.
///
/// After Fowler, Noll, Vo and Eastlake, "The FNV Non-Cryptographic Hash Algorithm".
package struct FNV1a: Sendable, Hashable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    /// Adds a byte; a wider word counts as one.
    package mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01B3 }

    package mutating func add(_ text: String) {
        for byte in text.utf8 { add(UInt64(byte)) }
    }
}
