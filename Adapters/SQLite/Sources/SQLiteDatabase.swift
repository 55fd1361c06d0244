public import Logging
public import MartletCore
public import MartletSQL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A database in one SQLite file, owned by one process, or in memory.
///
/// Writes go through one thread that commits in groups; reads run on snapshots beside it.
public final class SQLiteDatabase: SQLDatabase {
    private let time: any TimeSource
    private let writer: GroupWriter
    /// `nil` where no other program can use the database.
    private let repeats: SQLRepeats?
    private let writing: any SQLRunner
    private let reading: any SQLRunner
    private let boot: Int
    private let connections: Int
    /// `nil` where bodies run on their callers' threads.
    private let scans: SQLScans?
    private let scansLimit: Int
    private let listeners: SQLListeners
    private let readEnd: SQLiteReadEnd
    private let closeDuration: Duration
    /// The exit status when the disk's content is unknown: `EX_IOERR` of sysexits.h.
    static let stopStatus: Int32 = 74

    /// Opens the file at `path`, and creates it when it is missing; its folder must exist.
    ///
    /// Its files are for the process's user only: the permissions of others are taken away, also from existing files.
    ///
    /// - Parameters:
    ///   - path: The file; the write-ahead log lies beside it.
    ///   - time: The clock for deadlines; its wall clock is the database's.
    ///   - limits: The limits of batches, queues, caches and the file.
    ///   - entropy: Spreads the pauses before a body runs again that conflicts with another program.
    ///   - log: Receives slow bodies and failed checkpoints.
    ///   - onFsyncFailure: Must end the process: after a failed fsync, or when the file was moved or removed (code
    ///     `moved`), the disk's content is unknown. The database refuses everything afterwards.
    /// - Throws: `SQLError` with `unavailable`; its code is `locked` when another process owns the file. With `full` when
    ///   its disk has no room.
    public init(
        path: String,
        time: any TimeSource,
        limits: SQLiteLimits = SQLiteLimits(),
        entropy: any Entropy = SystemEntropy(),
        log: Logger = Logger(label: "martlet.sqlite"),
        onFsyncFailure: (@Sendable (SQLError) -> Void)? = nil
    ) throws {
        precondition(limits.scans >= 1 && limits.scans < limits.readers)
        let stop: @Sendable (SQLError) -> Void = onFsyncFailure ?? { Self.stopProcess(path, error: $0, log: log) }
        let writer = GroupWriter(time: time, limits: limits.groupCommit, log: log)
        let lock = try SQLiteFileLock(path: path)
        try SQLiteFileAccess.restrict(path)
        let connection = try SQLiteConnection(
            path: path,
            role: .writer,
            time: time,
            limits: limits,
            onFsyncFailure: stop
        )
        boot = try connection.countBoot()
        let listeners = SQLListeners()
        connection.listeners = listeners
        self.listeners = listeners
        let readEnd = SQLiteReadEnd(readDuration: limits.readDuration)
        connection.readEnd = readEnd
        self.readEnd = readEnd
        closeDuration = limits.closeDuration
        reading = try SQLiteThreads.reading(writer, limits: limits) {
            try SQLiteConnection(
                path: path,
                role: .reader,
                time: time,
                limits: limits,
                readEnd: readEnd,
                onFsyncFailure: stop
            )
        }
        writing = SQLiteThreads.writing(on: connection, writer, lock: lock, limits: limits, log: log)
        self.time = time
        self.writer = writer
        connections = 1 + limits.readers
        scans = SQLScans(limit: limits.scans, waitingLimit: limits.waitingScans, time: time)
        scansLimit = limits.scans
        repeats = SQLRepeats(limits: limits.repeats, runtime: Runtime(time: time, entropy: entropy))
    }

    /// A database in memory, deleted when it is closed or released; its bodies run on their callers' threads.
    public static func inMemory(
        time: any TimeSource,
        limits: SQLiteLimits = SQLiteLimits(),
        log: Logger = Logger(label: "martlet.sqlite")
    ) throws -> SQLiteDatabase {
        let connection = try SQLiteConnection(
            path: ":memory:",
            role: .memory,
            time: time,
            limits: limits,
            onFsyncFailure: { _ in }
        )
        return SQLiteDatabase(
            connection,
            time: time,
            writer: GroupWriter(time: time, limits: limits.groupCommit, log: log),
            listeners: SQLListeners(),
            log: log
        )
    }

    /// Opens the file at `path` of a file system registered with SQLite, for simulation.
    ///
    /// Like a daemon's database, except that bodies run on their callers' threads, one at a time and each in a commit
    /// of its own, on one connection, and that the file is not locked.
    ///
    /// - Parameters:
    ///   - path: The file, in the file system's own terms.
    ///   - fileSystem: The name under which the file system was registered.
    ///   - time: The clock for deadlines; its wall clock is the database's.
    ///   - limits: The limits of queues, caches and the file.
    ///   - listeners: Who is notified of commits; the caller's, since listeners of other processes outlive this one.
    ///   - synchronous: Other values than `full` are for negative controls that must lose data.
    ///   - log: Receives slow bodies and failed checkpoints.
    ///   - onFsyncFailure: Simulates the end of the process; the database refuses everything afterwards. It is called
    ///     while the database is in use and must not use it.
    /// - Throws: `SQLError` with `unavailable` when it cannot be opened.
    package static func inline(
        path: String,
        fileSystem: String,
        time: any TimeSource,
        limits: SQLiteLimits,
        listeners: SQLListeners,
        synchronous: SQLiteSynchronous,
        log: Logger,
        onFsyncFailure: @escaping @Sendable (SQLError) -> Void
    ) throws -> SQLiteDatabase {
        let connection = try SQLiteConnection(
            path: path,
            fileSystem: fileSystem,
            role: .writer,
            time: time,
            limits: limits,
            synchronous: synchronous,
            onFsyncFailure: onFsyncFailure
        )
        let boot = try connection.countBoot()
        return SQLiteDatabase(
            connection,
            time: time,
            writer: GroupWriter(time: time, limits: limits.groupCommit, log: log),
            listeners: listeners,
            log: log,
            boot: boot
        )
    }

    private init(
        _ connection: sending SQLiteConnection,
        time: any TimeSource,
        writer: GroupWriter,
        listeners: SQLListeners,
        log: Logger,
        boot: Int = 1
    ) {
        connection.listeners = listeners
        self.listeners = listeners
        self.time = time
        self.writer = writer
        self.boot = boot
        repeats = nil
        // A body runs on its caller's thread: none runs while this is closed.
        let readEnd = SQLiteReadEnd(readDuration: .zero)
        connection.readEnd = readEnd
        self.readEnd = readEnd
        closeDuration = .zero
        connections = 1
        scans = nil
        scansLimit = 0
        let shared = SQLiteSharedConnection(connection)
        writing = SQLiteInline(.write, on: shared, writer, log: log)
        reading = SQLiteInline(.read, on: shared, writer, log: log)
    }

    /// The numbers of logical transactions and of commits since the database was opened, and the length of its log.
    public var statistics: SQLStatistics {
        var statistics = writer.statistics
        statistics.logBytes = readEnd.logPages * SQLiteLimits.pageBytes
        return statistics
    }

    /// The writer's connection and those of the readers; a database in memory has one for all.
    public var pool: SQLPool {
        SQLPool(
            connections: connections,
            inUse: writing.running + reading.running,
            waiting: writing.waiting + reading.waiting + (scans?.waiting ?? 0),
            scansLimit: scansLimit
        )
    }

    /// Transactions that wait for the writer.
    package var waiting: Int { writing.waiting }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        guard let repeats else { return try await write(name, options: options, body) }
        return try await repeats.run(until: options.deadline) { try await write(name, options: options, body) }
    }

    private func write<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await withUnsafeThrowingContinuation { continuation in
            writing.submit(SQLJob(name, options: options, time: time, resuming: continuation, body))
        }
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        guard kind == .scan, let scans else { return try await read(name, until: deadline, body) }
        return try await scans.run(name, until: deadline) { try await read(name, until: deadline, body) }
    }

    private func read<R: Sendable>(
        _ name: StaticString,
        until deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await withUnsafeThrowingContinuation { continuation in
            reading.submit(
                SQLJob(name, options: SQLOptions(deadline: deadline), time: time, resuming: continuation, body)
            )
        }
    }

    /// Within this process, which is the only user of the file.
    public func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        listeners.listen(to: channels)
    }

    /// How often the file was opened: one process owns it, so all previous owners have exited.
    public func bootNumber() async throws -> Int { boot }

    /// Refuses new bodies, finishes the waiting ones, moves the write-ahead log into the file, and releases it.
    ///
    /// Reads that still run, or wait, after ``SQLiteLimits/closeDuration`` are interrupted. Writes are finished, each within
    /// ``SQLiteLimits/bodyDuration``. A repeat does nothing.
    public func close() async {
        readEnd.close(at: time.now + closeDuration)
        // The writer closes last, since the last connection checkpoints the write-ahead log.
        await reading.close()
        await writing.close()
    }

    private static func stopProcess(_ path: String, error: SQLError, log: Logger) {
        log.critical(
            "the process exits: the disk's content is unknown",
            metadata: ["database": "\(path)", "error.code": "\(error.code)", "error": "\(error.message)"]
        )
        // Immediately and without a trap: a backtrace would delay the exit.
        _exit(Self.stopStatus)
    }
}

extension SQLiteConnection {
    /// Makes the data of earlier processes durable, and counts this opening of the file in the table `martlet_boot`.
    func countBoot() throws -> Int {
        // No reader may see data that the next power loss can remove.
        try makeLogDurable()
        // Also rewrites database pages of a failed sync.
        try runTrusted("PRAGMA wal_checkpoint(TRUNCATE)")
        try runTrusted(
            "CREATE TABLE IF NOT EXISTS martlet_boot (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), epoch BIGINT NOT NULL)"
        )
        let rows = try runTrusted(
            """
            INSERT INTO martlet_boot (only_row, epoch) VALUES (1, 1)
            ON CONFLICT (only_row) DO UPDATE SET epoch = epoch + 1 RETURNING epoch
            """
        )
        return try rows.first?.int(0) ?? 1
    }
}
