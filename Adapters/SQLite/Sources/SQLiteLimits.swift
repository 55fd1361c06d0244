public import MartletSQL

/// The limits of one SQLite database.
public struct SQLiteLimits: Sendable {
    /// The limits of one group commit.
    public var groupCommit = GroupCommit.Limits()
    /// How a body runs again that conflicts with another program: a backup, or a shell.
    public var repeats = SQLRepeats.Limits()
    /// Threads that read snapshots of a file.
    ///
    /// At least 2.
    public var readers = 2
    /// Reads of the kind `scan` that run at once, on a file.
    ///
    /// At least 1, and less than ``readers``: the others always have one.
    public var scans = 1
    /// Maximum scans that wait for others; further ones are refused as overload, those of one name from three quarters on.
    public var waitingScans = 1_000
    /// The longest that a body may keep the writer: a statement that is running then is interrupted, and the body fails
    /// with `interrupted`, since all other writes wait for it.
    ///
    /// Not for migrations. A read has no limit but its deadline, and ``readDuration`` while it keeps too long a log.
    public var bodyDuration: Duration = .seconds(10)
    /// How long reads may run on while the database is being closed; then they are interrupted.
    public var closeDuration: Duration = .seconds(1)
    /// Maximum bodies waiting for the writer, and for the readers; further ones are refused as overload.
    public var waitingBodies = 10_000
    /// Prepared statements cached by each connection; the least recently used one is evicted.
    public var statements = 256
    /// How long a statement waits for a lock of another program (a backup, a shell) before it fails as a conflict.
    public var busyTimeout: Duration = .seconds(2)
    /// The size of the write-ahead log, in pages, at which it is checkpointed.
    public var checkpointPages = 1_000
    /// The size of the write-ahead log, in pages of 4 KiB, at which it is emptied as soon as no reader needs it.
    ///
    /// While a reader prevents that, reads of this process that take longer than ``readDuration`` are interrupted. Another
    /// program's reader, as a backup, cannot be: the log grows as long as it reads (`martlet_sql_log_bytes`).
    public var logPages = 16_384
    /// How long a read may take, also one with a later deadline, while the log has more than ``logPages``.
    public var readDuration: Duration = .seconds(10)
    /// The pause between two attempts to empty the log.
    var emptyInterval: Duration = .seconds(1)
    /// How long one attempt waits for short reads, and all writes with it.
    var emptyTimeout: Duration = .milliseconds(20)
    /// The size of a page.
    static let pageBytes = 4_096
    /// The maximum size of the file, in pages of 4 KiB; beyond it writes are refused as `full`.
    ///
    /// `nil`: limited by the disk only.
    public var pages: Int?

    public init() {}
}
