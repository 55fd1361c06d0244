public import MartletSQL

/// The limits of one SQLite database.
public struct SQLiteLimits: Sendable {
    /// The limits of one group commit.
    public var groupCommit = GroupCommit.Limits()
    /// How a body runs again that conflicts with another program: a backup, or a shell.
    public var repeats = SQLRepeats.Limits()
    /// Threads that read snapshots of a file.
    ///
    /// At least 1.
    public var readers = 2
    /// The longest that a body may keep the writer: a statement that is running then is interrupted, and the body fails
    /// with `interrupted`, since all other writes wait for it.
    ///
    /// Not for migrations. A read has no limit but its deadline.
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
    /// The maximum size of the file, in pages of 4 KiB; beyond it writes are refused as `full`.
    ///
    /// `nil`: limited by the disk only.
    public var pages: Int?

    public init() {}
}
