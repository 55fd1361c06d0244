import CSQLite
import Logging
import MartletCore
import MartletSQL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A connection to one SQLite file, or to a database in memory.
///
/// Used by one thread at a time.
final class SQLiteConnection: SQLConnection {
    /// What the connection is for.
    enum Role: Sendable { case writer, reader, memory }

    /// SQLite takes a lock of the process for each of its allocations otherwise: a row is written in 1.6 µs instead
    /// of 1.95.
    private static let countsNoMemory = martlet_count_no_memory()

    private let database: OpaquePointer
    private let time: any TimeSource
    private let limits: SQLiteLimits
    private let onFsyncFailure: @Sendable (SQLError) -> Void
    private let authorizer = SQLiteAuthorizer()
    private let interrupter: SQLiteInterrupter
    /// When the running body must not keep the writer any longer.
    private var bodyEnd: Moment?
    private let statements: SQLiteStatementCache
    private let values = SQLiteValueBuffer()
    private var begins: [SQLiteStatement] = []
    private var controls: [SQLiteStatement] = []
    private var isReading = false
    /// Whether bodies have a limit of time.
    private var isLimited = false
    /// Whether each statement commits by itself.
    private var isApart = false
    /// The date of the open transaction.
    private var begun: Timestamp?
    private var broken: SQLError?
    /// Who is notified of its commits; `nil` for a reader.
    var listeners: SQLListeners?
    /// What the open transaction notifies when it commits.
    private var notified: Set<SQLChannel> = []
    private let logPages = SQLiteLogPages()
    private var checkpointAt: Int
    /// When a log that is too long may be emptied, at the earliest.
    private var emptyAt = Moment(nanoseconds: .min)
    /// Gets the length of the log; `nil` for a reader.
    var readEnd: SQLiteReadEnd?

    init(
        path: String,
        fileSystem: String? = nil,
        role: Role,
        time: any TimeSource,
        limits: SQLiteLimits,
        synchronous: SQLiteSynchronous = .full,
        readEnd: SQLiteReadEnd? = nil,
        onFsyncFailure: @escaping @Sendable (SQLError) -> Void
    ) throws {
        _ = Self.countsNoMemory
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &handle, flags, fileSystem)
        guard let handle else { throw SQLError(.unavailable, code: "\(code)", message: "cannot open \(path)") }
        database = handle
        self.time = time
        interrupter = SQLiteInterrupter(time: time, readEnd: readEnd)
        self.limits = limits
        self.onFsyncFailure = onFsyncFailure
        checkpointAt = limits.checkpointPages
        statements = SQLiteStatementCache(limit: limits.statements)
        guard code == SQLITE_OK else { throw failure(code) }
        sqlite3_extended_result_codes(database, 1)
        sqlite3_busy_timeout(database, Int32(clamping: limits.busyTimeout.milliseconds))
        authorizer.guardStatements(of: database)
        interrupter.watch(database)
        // A failed opening must not checkpoint a log that may not be durable.
        if role == .writer { martlet_leave_log(database, 1) }
        try configure(role, synchronous)
        begins = try ["BEGIN IMMEDIATE", "BEGIN"].map { try prepare(SQLQuery(unchecked: $0)) }
        let texts = ["COMMIT", "ROLLBACK", "SAVEPOINT b", "RELEASE b", "ROLLBACK TO b"]
        controls = try texts.map { try prepare(SQLQuery(unchecked: $0)) }
        authorizer.trusted = false
    }

    deinit {
        statements.removeAll()
        begins = []
        controls = []
        sqlite3_close_v2(database)
    }

    private func configure(_ role: Role, _ synchronous: SQLiteSynchronous) throws {
        try runTrusted("PRAGMA foreign_keys=ON")
        try runTrusted("PRAGMA temp_store=MEMORY")
        if let pages = limits.pages { try runTrusted("PRAGMA max_page_count=\(pages)") }
        guard role != .memory else { return }
        let mode = try runTrusted("PRAGMA journal_mode=WAL")
        guard mode.first?.values.first == .text("wal") else {
            throw SQLError(.unavailable, code: "wal", message: "this file system does not allow a write-ahead log")
        }
        try runTrusted("PRAGMA synchronous=\(synchronous.rawValue)")
        // SQLite's automatic checkpoint hides errors, and a failed fsync must be noticed.
        try runTrusted("PRAGMA wal_autocheckpoint=0")
        switch role {
        case .reader: try runTrusted("PRAGMA query_only=ON")
        case .writer:
            logPages.watch(database)
            // A log that is reused from its beginning keeps its size otherwise.
            try runTrusted("PRAGMA journal_size_limit=\(limits.logPages * SQLiteLimits.pageBytes)")
        case .memory: break
        }
    }

    // MARK: - Statements

    var date: Timestamp {
        get throws {
            guard let begun else { throw misuse("no transaction is open") }
            return begun
        }
    }

    var dialect: SQLDialect { .sqlite }

    var inTransaction: Bool { sqlite3_get_autocommit(database) == 0 }

    func begin(_ begin: SQLBegin) throws {
        if let broken { throw broken }
        // The writer's transactions never run at once: named locks and weaker isolation have nothing to do.
        isApart = begin.isolation == .autocommit
        if !isApart { try step(control: begins[begin.isReadOnly ? 1 : 0]) }
        isReading = begin.isReadOnly
        isLimited = begin.isLimited && !begin.isReadOnly
        interrupter.begun = begin.isReadOnly ? time.now : nil
        begun = time.date
        bodyBegins()
    }

    func run(_ query: SQLQuery, deadline: Moment?) throws -> [SQLRow] {
        if let broken { throw broken }
        let statement = try statement(of: query)
        guard !isReading || statement.readOnly else {
            throw misuse("a read must not write")
        }
        defer { statement.reset() }
        let code = statement.bind(query, in: values)
        guard code == SQLITE_OK else { throw failure(code) }
        // The writer's other bodies wait for this one: its limit counts, and not the deadline of one caller.
        interrupter.deadline = isReading ? deadline : bodyEnd
        defer { interrupter.deadline = nil }
        // A body of many short statements ends, too.
        if isReading, interrupter.endsReads {
            throw SQLError(.interrupted, code: "\(SQLITE_INTERRUPT)", message: "the database ends its reads")
        }
        return try step(statement)
    }

    func notify(_ channels: Set<SQLChannel>) throws { notified = channels }

    private func bodyBegins() { bodyEnd = isLimited ? time.now + limits.bodyDuration : nil }

    func control(_ control: SQLControl) throws {
        if let broken { throw broken }
        if !isApart { try step(control: controls[control.rawValue], committing: control == .commit) }
        if control == .commit { try checkFileNotMoved() }
        switch control {
        case .commit, .rollback:
            if control == .commit { listeners?.notify(notified) }
            notified = []
            isReading = false
            isApart = false
            begun = nil
            bodyEnd = nil
        case .savepoint: bodyBegins()
        case .releaseSavepoint, .rollbackToSavepoint: break
        }
    }

    private func step(control statement: SQLiteStatement, committing: Bool = false) throws {
        // Of a failed commit SQLite does not keep the system's error.
        errno = 0
        authorizer.trusted = true
        defer { authorizer.trusted = false }
        let code = sqlite3_step(statement.handle)
        let error = code == SQLITE_DONE ? nil : failure(code, committing: committing)
        statement.reset()
        if let error { throw error }
    }

    /// Runs a statement of the connection itself, without the authorizer's restrictions.
    @discardableResult
    func runTrusted(_ text: String) throws -> [SQLRow] {
        let before = authorizer.trusted
        authorizer.trusted = true
        defer { authorizer.trusted = before }
        let statement = try prepare(SQLQuery(unchecked: text))
        defer { statement.reset() }
        return try step(statement)
    }

    private func step(_ statement: SQLiteStatement) throws -> [SQLRow] {
        var result: [SQLValue] = []
        var columns: Int32 = 0
        while true {
            switch sqlite3_step(statement.handle) {
            case SQLITE_ROW:
                if columns == 0 {
                    columns = sqlite3_column_count(statement.handle)
                    // Most results have one row.
                    result.reserveCapacity(Int(columns))
                }
                statement.read(into: &result, columns: columns)
            case SQLITE_DONE: return SQLRow.rows(result, columns: Int(columns))
            case let code: throw failure(code, running: true)
            }
        }
    }

    private func statement(of query: SQLQuery) throws -> SQLiteStatement {
        if let known = statements.find(query) { return known }
        let statement = try prepare(query)
        statements.insert(statement)
        return statement
    }

    private func prepare(_ query: SQLQuery) throws -> SQLiteStatement {
        let text = query.text
        guard !text.utf8.contains(0) else { throw misuse("a statement must not contain NUL") }
        return try text.withCString { start in
            var handle: OpaquePointer?
            var rest: UnsafePointer<CChar>?
            let code = sqlite3_prepare_v3(database, start, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, &rest)
            guard code == SQLITE_OK else { throw failure(code) }
            guard let handle else { throw misuse("the statement is empty") }
            let statement = SQLiteStatement(handle: handle, of: query)
            guard let rest, rest.pointee != 0 else { return statement }
            // Only a comment or whitespace may follow: SQLite would silently ignore a second statement.
            var second: OpaquePointer?
            let secondCode = sqlite3_prepare_v3(database, rest, -1, 0, &second, nil)
            sqlite3_finalize(second)
            guard secondCode == SQLITE_OK, second == nil else { throw misuse("more than one statement") }
            return statement
        }
    }

    // MARK: - Write-ahead log

    /// Makes the log of an earlier process durable, before any of it is checkpointed into the database.
    ///
    /// Pages of a failed sync are readable as if they were on the disk, but no further sync writes them. A power loss
    /// during their checkpoint would leave a part of them in the database, and nothing in the log to complete it.
    func makeLogDurable() throws {
        // Excludes other writers.
        try runTrusted("BEGIN IMMEDIATE")
        let code = SQLiteLogFile(of: database)?.rewrite() ?? SQLITE_NOTFOUND
        guard code == SQLITE_OK else { throw failure(code) }
        try runTrusted("ROLLBACK")
        martlet_leave_log(database, 0)
    }

    /// Checkpoints the write-ahead log when it has grown by the limit; does not wait for readers, but where the log is too
    /// long.
    ///
    /// A failure loses nothing: the next checkpoint repeats it.
    func checkpointIfDue(_ log: Logger) {
        if logPages.wasRestarted { checkpointAt = limits.checkpointPages }
        readEnd?.record(logPages: logPages.count)
        guard logPages.count < limits.logPages else { return emptyLog(log) }
        readEnd?.setLogTooLong(false)
        guard logPages.count >= checkpointAt else { return }
        checkpointAt = logPages.count + limits.checkpointPages
        let code = sqlite3_wal_checkpoint_v2(database, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        if code != SQLITE_OK { reportCheckpoint(code, log) }
    }

    /// Moves the whole log into the file and empties it, if no reader needs it; from then on long reads are interrupted.
    private func emptyLog(_ log: Logger) {
        guard time.now >= emptyAt else { return }
        emptyAt = time.now + limits.emptyInterval
        // Short reads end meanwhile; new ones do not need the log.
        sqlite3_busy_timeout(database, Int32(clamping: limits.emptyTimeout.milliseconds))
        defer { sqlite3_busy_timeout(database, Int32(clamping: limits.busyTimeout.milliseconds)) }
        let code = sqlite3_wal_checkpoint_v2(database, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        switch code & 0xFF {
        case SQLITE_OK:
            logPages.wasEmptied()
            checkpointAt = limits.checkpointPages
            readEnd?.record(logPages: 0)
            readEnd?.setLogTooLong(false)
        case SQLITE_BUSY:
            guard readEnd?.setLogTooLong(true) == false else { return }
            log.warning(
                "a reader keeps the write-ahead log, which is over its limit, reads that take long are interrupted",
                metadata: [
                    "pages": "\(logPages.count)", "limit": "\(limits.logPages)",
                    "interrupted.after": "\(limits.readDuration)",
                ]
            )
        default: reportCheckpoint(code, log)
        }
    }

    private func reportCheckpoint(_ code: Int32, _ log: Logger) {
        // Created outside the log call, which may not evaluate its arguments: a failed fsync must be reported.
        let error = failure(code)
        log.error("a checkpoint failed, will retry", metadata: ["error": "\(error)"])
    }

    // MARK: - Errors

    /// After a commit: fails when the file was moved or removed, since a restart would not find its commits.
    private func checkFileNotMoved() throws {
        var hasMoved: Int32 = 0
        let code = sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        // A file system that does not support the check counts as not moved.
        guard code == SQLITE_OK, hasMoved != 0 else { return }
        let error = SQLError(.outcomeUnknown, code: "moved", message: "the database file was moved or removed")
        broken = SQLError(.unavailable, code: "moved", message: "closed, as its file was moved or removed")
        onFsyncFailure(error)
        throw error
    }

    private func misuse(_ message: String) -> SQLError {
        SQLError(.misuse, code: "\(SQLITE_MISUSE)", message: message)
    }

    /// - Parameter running: Whether the statement was running: then SQLite's text may quote its values.
    private func failure(_ code: Int32, committing: Bool = false, running: Bool = false) -> SQLError {
        let systemError = committing ? errno : sqlite3_system_errno(database)
        let known = sqlite3_extended_errcode(database)
        let code = known & 0xFF == code & 0xFF ? known : code
        let kind =
            committing
            ? SQLiteCodes.commitKind(code, systemError: systemError)
            : SQLiteCodes.kind(code, systemError: systemError)
        let isSafe = known == code && (!running || SQLiteCodes.namesSchemaOnly(code))
        let message = isSafe ? String(cString: sqlite3_errmsg(database)) : String(cString: sqlite3_errstr(code))
        let error = SQLError(kind, code: "\(code)", message: message)
        if SQLiteCodes.isSyncFailure(code) {
            broken = SQLError(.unavailable, code: "\(code)", message: "closed after a failed fsync")
            onFsyncFailure(error)
        }
        return error
    }
}
