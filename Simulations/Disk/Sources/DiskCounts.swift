/// Counters of a disk's calls and of its injected faults.
public struct DiskCounts: Sendable, Equatable {
    public internal(set) var reads = 0
    public internal(set) var bytesRead = 0
    public internal(set) var writes = 0
    public internal(set) var bytesWritten = 0
    public internal(set) var syncs = 0
    public internal(set) var folderSyncs = 0

    /// Injected faults, by kind.
    public internal(set) var faults: [DiskFault: Int] = [:]
    /// Writes that exceeded the capacity.
    public internal(set) var full = 0
    /// Ends of the process without a power loss.
    public internal(set) var kills = 0
    public internal(set) var powerLosses = 0
    /// Unsynced pieces of at most a sector that a power loss or a failed sync lost.
    public internal(set) var lostSectors = 0
    /// Unsynced pieces of which only the beginning survived.
    public internal(set) var tornSectors = 0
    /// Unsynced pieces that survived.
    public internal(set) var survivingSectors = 0
    /// Creations and deletions of files that a power loss undid.
    public internal(set) var lostNames = 0

    package init() {}

    package static func += (total: inout DiskCounts, more: DiskCounts) {
        let sums: [WritableKeyPath<DiskCounts, Int>] = [
            \.reads, \.bytesRead, \.writes, \.bytesWritten, \.syncs, \.folderSyncs, \.full, \.kills, \.powerLosses,
            \.lostSectors, \.tornSectors, \.survivingSectors, \.lostNames,
        ]
        for sum in sums { total[keyPath: sum] += more[keyPath: sum] }
        total.faults.merge(more.faults, uniquingKeysWith: +)
    }
}
