import MartletCore

/// The epoch that a source begins when its database was restored from a backup.
enum SourceEpoch {
    /// Two restores of one backup get epochs that differ by a random number below this: a second, in microseconds.
    static let spread: UInt64 = 1_000_000

    /// An epoch above all others of the source, also when the clock is behind.
    ///
    /// - Parameters:
    ///   - now: The time of the restore; the epoch is greater, in microseconds since 1970.
    ///   - backup: The epoch in the backup.
    ///   - log: The highest epoch of the source that the log holds; `nil` when it holds no event of it.
    ///   - entropy: Makes two restores differ.
    static func after(now: Timestamp, backup: Int, log: Int?, _ entropy: any Entropy) -> Int {
        max(Int(now.microseconds), backup, log ?? 0) + 1 + Int(entropy.number(below: spread))
    }
}
