/// What a disk has done, and what has really happened to it.
public struct DiskCounts: Sendable, Equatable {
    public internal(set) var reads = 0
    public internal(set) var bytesRead = 0
    public internal(set) var writes = 0
    public internal(set) var bytesWritten = 0
    public internal(set) var syncs = 0
    public internal(set) var folderSyncs = 0

    /// Calls that were made to fail, by kind.
    public internal(set) var faults: [DiskFault: Int] = [:]
    /// Writes that did not fit.
    public internal(set) var full = 0
    /// Processes that ended without the machine.
    public internal(set) var kills = 0
    public internal(set) var powerLosses = 0
    /// Unsynced pieces of at most a sector that a power loss or a failed sync took.
    public internal(set) var lostSectors = 0
    /// Unsynced pieces of which only the beginning was left.
    public internal(set) var tornSectors = 0
    /// Unsynced pieces that were left beside others that were not, or all of them.
    public internal(set) var keptSectors = 0
    /// Creations and deletions of files that a power loss took back.
    public internal(set) var lostNames = 0

    public init() {}

    public static func += (total: inout DiskCounts, more: DiskCounts) {
        let sums: [WritableKeyPath<DiskCounts, Int>] = [
            \.reads, \.bytesRead, \.writes, \.bytesWritten, \.syncs, \.folderSyncs, \.full, \.kills, \.powerLosses,
            \.lostSectors, \.tornSectors, \.keptSectors, \.lostNames,
        ]
        for sum in sums { total[keyPath: sum] += more[keyPath: sum] }
        total.faults.merge(more.faults, uniquingKeysWith: +)
    }
}
