public import MartletSQL

/// How much one SQLite database may hold, keep waiting and use.
public struct SQLiteLimits: Sendable {
    /// What one commit of the writer may hold back.
    public var groupCommit = GroupCommit.Limits()
    /// Threads that read snapshots of a file.
    ///
    /// At least 1.
    public var readers = 2
    /// Bodies that may wait for the writer, and as many for the readers; the next one is refused as `unavailable`.
    public var waitingBodies = 10_000
    /// Prepared statements kept by each connection; the least recently used one goes first.
    public var statements = 256
    /// How long a statement waits for a lock of another program (a backup, a shell) before it fails as a conflict.
    public var busyPause: Duration = .seconds(2)
    /// After so many pages the write-ahead log is moved into the database.
    public var checkpointPages = 1_000
    /// The largest size of the file, in pages of 4 KiB; beyond it writes are refused as `unavailable`.
    ///
    /// `nil`: the disk's.
    public var pages: Int?

    public init() {}
}
