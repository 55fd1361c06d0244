import MartletCore

/// Maps a key to its partition, equally in every process and release (FNV-1a).
package enum Partitioning {
    package static func partition(of key: String, among partitions: Int) -> Int {
        precondition(partitions >= 1)
        var hash = FNV1a()
        hash.add(key)
        // The low bits of FNV alone spread poorly over small powers of two.
        return Int((hash.value ^ hash.value >> 32) % UInt64(partitions))
    }
}
