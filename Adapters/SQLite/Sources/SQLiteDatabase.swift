import Glibc
public import Logging
public import MartletCore
public import MartletSQL

/// A database in one SQLite file, owned by one process, or in memory.
///
/// Writes go through one thread that commits in groups; reads run on snapshots beside it.
public final class SQLiteDatabase: SQLDatabase {
    private let time: any TimeSource
    private let writer: GroupWriter
    private let writing: any SQLRunner
    private let reading: any SQLRunner
    private let epoch: Int
    /// With which a process ends when nobody knows what is on the disk: `EX_IOERR` of sysexits.h.
    static let stopStatus: Int32 = 74

    /// Opens the file at `path`, and makes it when it is missing; its folder must exist.
    ///
    /// - Parameters:
    ///   - time: Judges deadlines, and its wall clock is the database's.
    ///   - onFsyncFailure: Must end the process: after a failed fsync, or when the file is gone from its place (code `moved`),
    ///     nobody knows what is on the disk. The database refuses everything afterwards.
    /// - Throws: ``SQLError`` with `unavailable`; its code is `locked` when another process owns the file.
    public init(
        path: String,
        time: any TimeSource,
        limits: SQLiteLimits = SQLiteLimits(),
        log: Logger = Logger(label: "martlet.sqlite"),
        onFsyncFailure: (@Sendable (SQLError) -> Void)? = nil
    ) throws {
        precondition(limits.readers >= 1)
        let stop: @Sendable (SQLError) -> Void = onFsyncFailure ?? { Self.stopProcess(path, $0, log) }
        let writer = GroupWriter(time: time, limits: limits.groupCommit, log: log)
        let lock = try SQLiteFileLock(path: path)
        let connection = try SQLiteConnection(
            path: path,
            role: .writer,
            time: time,
            limits: limits,
            onFsyncFailure: stop
        )
        epoch = try connection.countBoot()
        reading = try SQLiteThreads.reading(writer, limits: limits) {
            try SQLiteConnection(path: path, role: .reader, time: time, limits: limits, onFsyncFailure: stop)
        }
        writing = SQLiteThreads.writing(on: connection, writer, lock: lock, limits: limits, log: log)
        self.time = time
        self.writer = writer
    }

    /// A database in memory, gone when it is closed or forgotten; its bodies run where their callers stand.
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
            log: log
        )
    }

    /// The file at `path` of a file system that was registered with SQLite, opened as a daemon opens its own but for this:
    /// its bodies run where their callers stand, one at a time and each in a commit of its own, on one connection.
    ///
    /// For simulation. Nobody else is kept from the file.
    ///
    /// - Parameters:
    ///   - fileSystem: The name under which the file system was registered.
    ///   - synchronous: Anything but `full` is for a control that has to lose data.
    ///   - onFsyncFailure: What stands for the end of the process; the database refuses everything afterwards. It is called
    ///     while the database is in use and must not use it.
    /// - Throws: ``SQLError`` with `unavailable` when it cannot be opened.
    public static func inline(
        path: String,
        fileSystem: String,
        time: any TimeSource,
        limits: SQLiteLimits,
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
        let epoch = try connection.countBoot()
        return SQLiteDatabase(
            connection,
            time: time,
            writer: GroupWriter(time: time, limits: limits.groupCommit, log: log),
            log: log,
            epoch: epoch
        )
    }

    private init(
        _ connection: sending SQLiteConnection,
        time: any TimeSource,
        writer: GroupWriter,
        log: Logger,
        epoch: Int = 1
    ) {
        self.time = time
        self.writer = writer
        self.epoch = epoch
        let shared = SQLiteSharedConnection(connection)
        writing = SQLiteInline(.write, on: shared, writer, log: log)
        reading = SQLiteInline(.read, on: shared, writer, log: log)
    }

    /// How many logical transactions became how many commits since the database was opened.
    public var statistics: SQLStatistics { writer.statistics }

    /// Transactions that wait for the writer.
    public var waiting: Int { writing.waiting }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            writing.submit(SQLJob(name, deadline: deadline, time: time, answer: continuation, body))
        }
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            reading.submit(SQLJob(name, deadline: deadline, time: time, answer: continuation, body))
        }
    }

    /// How often the file was opened: one process owns it, so everybody who used it before is dead.
    public func bootEpoch() async throws -> Int { epoch }

    /// Refuses new bodies, answers those that wait, and gives the file back.
    ///
    /// A repeat does nothing.
    public func close() async {
        // The writer goes last, since the last connection moves the write-ahead log.
        await reading.close()
        await writing.close()
    }

    private static func stopProcess(_ path: String, _ error: SQLError, _ log: Logger) {
        log.critical(
            "the process stops: nobody knows what is on the disk",
            metadata: ["database": "\(path)", "error.code": "\(error.code)", "error": "\(error.message)"]
        )
        // At once and without a trap: a backtrace would keep everybody waiting, and the line above says it all.
        _exit(Self.stopStatus)
    }
}

extension SQLiteConnection {
    /// Makes what an earlier process left certain, and counts this opening of the file in its table `martlet_boot`.
    func countBoot() throws -> Int {
        // Nobody may act on what can be gone after the next power loss.
        try makeLogCertain()
        // Whatever a failed sync left of the database itself is written anew with it.
        try ask("PRAGMA wal_checkpoint(TRUNCATE)")
        try ask(
            "CREATE TABLE IF NOT EXISTS martlet_boot (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), epoch BIGINT NOT NULL)"
        )
        let rows = try ask(
            """
            INSERT INTO martlet_boot (only_row, epoch) VALUES (1, 1)
            ON CONFLICT (only_row) DO UPDATE SET epoch = epoch + 1 RETURNING epoch
            """
        )
        return rows.first?.int(0) ?? 1
    }
}
