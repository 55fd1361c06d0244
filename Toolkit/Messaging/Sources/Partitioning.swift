/// Which partition a key belongs to: equal in every process and release (FNV-1a).
package enum Partitioning {
    package static func partition(of key: String, among partitions: Int) -> Int {
        precondition(partitions >= 1)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // The low bits of FNV alone spread poorly over small powers of two.
        return Int((hash ^ hash >> 32) % UInt64(partitions))
    }
}
