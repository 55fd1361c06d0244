/// The counters of a database's runner since it was opened, and the size of its log now.
public struct SQLStatistics: Sendable, Equatable {
    /// Logical transactions that were committed.
    public internal(set) var transactions = 0
    /// Physical commits that carried them.
    public internal(set) var commits = 0
    /// Bodies that ran again individually because their batch failed.
    public internal(set) var reruns = 0
    /// Committed logical transactions by the name that the caller gave.
    public internal(set) var transactionsByName: [String: Int] = [:]
    /// The size of the write-ahead log that is not free for new commits yet; 0 for an engine whose log is not its files'.
    public var logBytes = 0

    public init() {}
}

/// Counts without creating strings: names are distinguished by their addresses.
struct SQLCounts: Sendable {
    private var commits = 0
    private var reruns = 0
    private var names: [UInt: (name: StaticString, count: Int)] = [:]

    mutating func committed(_ runs: [SQLRun]) {
        commits += 1
        for run in runs where run.failure == nil {
            let name = run.job.name
            let key =
                name.hasPointerRepresentation ? UInt(bitPattern: name.utf8Start) : UInt(name.unicodeScalar.value)
            names[key, default: (name, 0)].count += 1
        }
    }

    mutating func reran(_ bodies: Int) { reruns += bodies }

    var statistics: SQLStatistics {
        var statistics = SQLStatistics()
        statistics.commits = commits
        statistics.reruns = reruns
        for (name, count) in names.values {
            statistics.transactions += count
            statistics.transactionsByName["\(name)", default: 0] += count
        }
        return statistics
    }
}
