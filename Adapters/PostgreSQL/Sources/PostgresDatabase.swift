public import Logging
public import MartletCore
public import MartletSQL

/// A service's database on a PostgreSQL server, version 15 or later, that several processes may use.
///
/// Bodies run on threads with a connection each. A commit without a clear answer is `outcomeUnknown`, and its connection
/// is closed.
public final class PostgresDatabase: SQLDatabase {
    private let time: any TimeSource
    private let writer: GroupWriter
    private let repeats: SQLRepeats
    private let threads: PostgresThreads
    private let scans: SQLScans
    private let scansLimit: Int
    private let connector: PostgresConnector
    private let listener: PostgresListener
    public let namedLocks: SQLNamedLocks

    /// Connects when it is used first: a server that is away is an error of the first transaction.
    ///
    /// - Parameters:
    ///   - settings: Where it is.
    ///   - runtime: The clock of deadlines and pauses, and the random numbers that spread them.
    ///   - limits: The limits of connections, waits and caches.
    ///   - log: Receives slow bodies.
    public init(
        _ settings: PostgresSettings,
        runtime: Runtime,
        limits: PostgresLimits = PostgresLimits(),
        log: Logger = Logger(label: "martlet.postgres")
    ) {
        precondition(limits.scans >= 1 && limits.scans < limits.connections)
        time = runtime.time
        var batches = GroupCommit.Limits()
        batches.slowBody = limits.slowBody
        writer = GroupWriter(time: runtime.time, limits: batches, log: log)
        repeats = SQLRepeats(limits: limits.repeats, runtime: runtime)
        scans = SQLScans(limit: limits.scans, waitingLimit: limits.waitingScans, time: runtime.time)
        scansLimit = limits.scans
        namedLocks = settings.isPooled ? .unavailable : .taken
        let connector = PostgresConnector(settings, limits, time: runtime.time)
        let listener = PostgresListener(connector, limits, isPooled: settings.isPooled, time: runtime.time, log: log)
        self.connector = connector
        self.listener = listener
        threads = PostgresThreads(limits.connections, waitingLimit: limits.waitingBodies, writer: writer) {
            PostgresConnection(connector, settings: settings, limits: limits, time: runtime.time) {
                listener.committed($0)
            }
        }
    }

    /// The numbers of transactions and of commits since the database was opened.
    public var statistics: SQLStatistics { writer.statistics }

    public var pool: SQLPool {
        SQLPool(
            connections: connector.open,
            inUse: threads.running,
            waiting: threads.waiting + scans.waiting,
            scansLimit: scansLimit
        )
    }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        var isFirstViolation = true
        return try await repeats.run(until: options.deadline) {
            do {
                return try await submit(name, options: options, isRead: false, body)
            } catch let error as SQLError
                where isFirstViolation && options.isolation == .serializable && Self.mayBeConflict(error)
            {
                isFirstViolation = false
                throw SQLError(.conflict, code: error.code, message: error.message)
            }
        }
    }

    /// Whether a violated constraint may be that of a number which two bodies took at once: the server notices it
    /// before it notices their conflict.
    ///
    /// Run again, the body sees the other one's row.
    private static func mayBeConflict(_ error: SQLError) -> Bool {
        error.kind == .constraint && ["23505", "23P01"].contains(error.code)
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let options = SQLOptions(deadline: deadline)
        guard kind == .scan else { return try await submit(name, options: options, isRead: true, body) }
        return try await scans.run(name, until: deadline) {
            try await submit(name, options: options, isRead: true, body)
        }
    }

    private func submit<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        isRead: Bool,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await withUnsafeThrowingContinuation { continuation in
            threads.submit(
                SQLJob(name, options: options, isRead: isRead, time: time, resuming: continuation, body)
            )
        }
    }

    /// By the server, and within this process also without it.
    public func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        try await listener.listen(to: channels)
    }

    /// Refuses new bodies, finishes the waiting ones, each within ``PostgresLimits/statementDuration``, and closes all
    /// connections; a repeat does nothing.
    public func close() async {
        await threads.close()
        await listener.close()
    }
}
