import MartletCore
import MartletSQL

/// A connection of the pool: a session that is opened when it is needed, and the transaction on it.
///
/// BEGIN travels with the first statement. Used by one thread at a time.
final class PostgresConnection: SQLConnection {
    private enum State {
        case idle
        /// Nothing was sent yet. Goes to `open` with the first statement.
        case begun
        /// Goes to `idle` with its end, also when the session was lost.
        case open
    }

    private let connector: PostgresConnector
    private let settings: PostgresSettings
    private let limits: PostgresLimits
    private let time: any TimeSource
    private let notify: @Sendable (Set<SQLChannel>) -> Void
    private var session: PostgresSession?
    private var statements: PostgresStatements
    private var state = State.idle
    private var begin = SQLBegin(SQLOptions(), isReadOnly: true)
    private var fetchedDate: Timestamp?
    private var notified: Set<SQLChannel> = []
    /// Whether named locks are held, which belong to the session.
    private var holdsLocks = false
    /// How long the server lets a statement of the open transaction run; `nil`: without a limit.
    private var serverLimit: Duration?

    /// - Parameter notify: Notifies the listeners of channels, after a commit.
    init(
        _ connector: PostgresConnector,
        settings: PostgresSettings,
        limits: PostgresLimits,
        time: any TimeSource,
        notify: @escaping @Sendable (Set<SQLChannel>) -> Void
    ) {
        self.connector = connector
        self.settings = settings
        self.limits = limits
        self.time = time
        self.notify = notify
        statements = PostgresStatements(limit: limits.statements)
    }

    deinit { drop() }

    let dialect = SQLDialect.postgres

    var inTransaction: Bool {
        switch state {
        case .idle: false
        case .begun: true
        case .open: begin.isolation == .autocommit || session?.inTransaction == true
        }
    }

    var date: Timestamp {
        get throws {
            if let fetchedDate { return fetchedDate }
            do {
                return try readDate(try perform(until: begin.deadline) { [.control(Self.dateQuery)] }.last)
            } catch let failure as PostgresFailure {
                throw failure.error(isRead: begin.isReadOnly)
            }
        }
    }

    // MARK: - Transactions

    func begin(_ begin: SQLBegin) throws {
        self.begin = begin
        fetchedDate = settings.clock?.date
        notified = []
        serverLimit = nil
        state = .begun
        guard !begin.locks.isEmpty, !settings.isPooled else { return }
        do {
            try takeLocks()
        } catch {
            end()
            throw error
        }
    }

    func run(_ query: SQLQuery, deadline: Moment?) throws -> [SQLRow] {
        guard !query.text.utf8.contains(0) else {
            throw SQLError(.misuse, code: "42601", message: "a statement must not contain NUL")
        }
        let values = PostgresParameters(query.values)
        let isPrepared = !settings.isPooled && begin.isolation != .autocommit
        if !isPrepared { try PostgresStatementRules.check(query.text) }
        var use = PostgresStatements.Use(command: .run(text: query.text, values))
        do {
            let replies = try perform(until: deadline) {
                if isPrepared { use = try statements.use(query.text, values) }
                return use.commands
            }
            if isPrepared { statements.succeeded(use) }
            return try replies.last?.rows() ?? []
        } catch let failure as PostgresFailure {
            // The statements of a session that has ended are forgotten: the next one gives their names to others.
            if isPrepared, !failure.endsSession {
                statements.failed(use, after: failure.position, isStale: failure.isStalePlan)
            }
            // Without a transaction a statement is its own commit.
            let isCommit = begin.isolation == .autocommit && failure.endsSession
            let error = isCommit ? failure.commitError() : failure.error(isRead: begin.isReadOnly)
            // Such as a write on a server that has become a standby: the next transaction looks for another one.
            if error.kind == .unavailable { drop() }
            throw error
        }
    }

    func notify(_ channels: Set<SQLChannel>) throws { notified = channels }

    func control(_ control: SQLControl) throws {
        switch control {
        case .commit: try commit()
        case .rollback: rollBack()
        case .savepoint: try nest("SAVEPOINT b")
        case .releaseSavepoint: try nest("RELEASE b")
        case .rollbackToSavepoint: try nest("ROLLBACK TO b")
        }
    }

    private func nest(_ text: String) throws {
        do {
            _ = try perform(until: begin.deadline) { [.control(text)] }
        } catch let failure as PostgresFailure {
            throw failure.error()
        }
    }

    private func commit() throws {
        defer { end() }
        // Nothing was sent, or each statement has committed.
        guard state == .open, begin.isolation != .autocommit else { return notify(notified) }
        guard let session else { throw Self.lost }
        // Nothing depends on the result of a read's end: the next transaction reads it, which saves a round trip.
        if begin.isReadOnly { return session.post([.control("COMMIT")]) }
        // No limit of time may end a commit on the server: it would report success without its standby.
        let lift: [PostgresCommand] = serverLimit == nil ? [] : [.control("SET LOCAL statement_timeout TO 0")]
        do {
            try session.commit(lift + [.control("COMMIT")], until: time.now + limits.commitDuration)
        } catch {
            let failure = error.position < lift.count && !error.endsSession ? error.error() : error.commitError()
            if error.endsSession || failure.kind == .outcomeUnknown { drop() } else { rollBack() }
            throw failure
        }
        notify(notified)
    }

    private func rollBack() {
        defer { end() }
        guard let session, session.inTransaction else { return }
        do {
            _ = try session.exchange([.control("ROLLBACK")], until: time.now + limits.statementDuration)
        } catch {
            // The server rolls back what a closed connection leaves.
            drop()
        }
    }

    private func end() {
        state = .idle
        fetchedDate = nil
        notified = []
        if holdsLocks { session?.post([.control("SELECT pg_advisory_unlock_all()")]) }
        holdsLocks = false
    }

    // MARK: - Named locks

    /// Takes the named locks of the session, in a transaction of its own: the body's snapshot is taken after them.
    private func takeLocks() throws {
        // In the order of the numbers: two names may have the same.
        let numbers = Set(begin.locks.map { Self.number(of: $0) }).sorted()
        let limit = limit(until: begin.deadline)
        let commands: [PostgresCommand] =
            [.control("BEGIN ISOLATION LEVEL READ COMMITTED")] + (limit.map { [Self.setting($0)] } ?? [])
            + numbers.map { .control("SELECT pg_advisory_lock(\($0))") } + [.control("COMMIT")]
        do {
            _ = try exchange(until: begin.deadline, mayRepeat: true) { commands }
            holdsLocks = true
        } catch let failure as PostgresFailure {
            // Some may have been taken.
            if !failure.endsSession { rollBack() }
            holdsLocks = session != nil
            throw late(failure.error())
        } catch let error as SQLError {
            throw late(error)
        }
    }

    /// The number of a lock's name, of all names that this and other programs may use.
    private static func number(of name: ExactText) -> Int64 {
        var hash = FNV1a()
        hash.add(name.text)
        return Int64(bitPattern: hash.value)
    }

    /// The deadline passed while the transaction waited for others: nothing has happened.
    private func late(_ error: SQLError) -> any Error {
        guard error.kind == .interrupted, let deadline = begin.deadline, time.now >= deadline else { return error }
        return Fault.notBegun
    }

    // MARK: - Round trips

    /// Sends commands of the transaction, with its begin when they are the first, and returns their replies.
    ///
    /// A failure's position counts from the first of `commands`.
    private func perform(until deadline: Moment?, _ commands: () throws -> [PostgresCommand]) throws -> [PostgresReply]
    {
        guard state != .idle else { throw SQLError(.misuse, code: "25P01", message: "no transaction is open") }
        guard state == .begun || session != nil else { throw Self.lost }
        // Locks belong to the session: another one has none.
        let mayRepeat = state == .begun && !holdsLocks && begin.isolation != .autocommit
        let (before, datePosition) = opening(until: deadline)
        do {
            let replies = try exchange(until: deadline, mayRepeat: mayRepeat) { before + (try commands()) }
            state = .open
            if let datePosition { _ = try readDate(replies[datePosition]) }
            return Array(replies.dropFirst(before.count))
        } catch var failure as PostgresFailure {
            state = .open
            failure.position -= before.count
            throw failure
        }
    }

    /// The commands that begin the transaction on the server, or shorten its limit of a statement; and the number of the one that
    /// returns the date.
    private func opening(until deadline: Moment?) -> (commands: [PostgresCommand], date: Int?) {
        guard begin.isolation != .autocommit else { return ([], nil) }
        guard state == .begun else {
            // Statements end a little late rather than that each one costs a command.
            guard let serverLimit, let deadline, time.now + serverLimit > deadline + limits.endDuration,
                let limit = limit(until: deadline)
            else { return ([], nil) }
            self.serverLimit = limit
            return ([Self.setting(limit)], nil)
        }
        serverLimit = limit(until: deadline)
        let commands = [.control(beginText)] + (serverLimit.map { [Self.setting($0)] } ?? [])
        // Most writes ask for the date, and few reads.
        guard !begin.isReadOnly, fetchedDate == nil else { return (commands, nil) }
        return (commands + [.control(Self.dateQuery)], commands.count)
    }

    private var beginText: String {
        if begin.isReadOnly { return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" }
        return begin.isolation == .locking
            ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" : "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
    }

    /// Sends a group on the session, which is opened when there is none.
    ///
    /// - Parameters:
    ///   - deadline: When the caller stops waiting.
    ///   - mayRepeat: Whether it is sent again when the session was lost while nothing used it.
    ///   - commands: Made for each session, since prepared statements belong to one.
    private func exchange(
        until deadline: Moment?,
        mayRepeat: Bool,
        _ commands: () throws -> [PostgresCommand]
    ) throws -> [PostgresReply] {
        var mayRepeat = mayRepeat
        while true {
            let session = try openSession(until: deadline)
            mayRepeat = mayRepeat && session.isUsed
            let end = limit(until: deadline).map { time.now + $0 + limits.endDuration }
            do {
                return try session.exchange(try commands(), until: end)
            } catch let failure as PostgresFailure {
                if failure.endsSession { drop() }
                guard failure.endsSession, mayRepeat, failure.state != PostgresFailure.late.state else { throw failure }
                mayRepeat = false
            }
        }
    }

    private func openSession(until deadline: Moment?) throws -> PostgresSession {
        if let session, session.isOpen { return session }
        drop()
        let opened = try connector.connect(until: deadline)
        session = opened
        return opened
    }

    /// Closes the session, and with it its transaction and its locks.
    private func drop() {
        guard session != nil else { return }
        session = nil
        holdsLocks = false
        statements = PostgresStatements(limit: limits.statements)
        connector.closed()
    }

    /// How long a statement may run now; `nil`: without a limit.
    private func limit(until deadline: Moment?) -> Duration? {
        let rest = deadline.map { max($0 - time.now, .zero) }
        guard begin.isLimited else { return rest }
        return min(rest ?? limits.statementDuration, limits.statementDuration)
    }

    private static func setting(_ limit: Duration) -> PostgresCommand {
        // 0 would be no limit.
        .control("SET LOCAL statement_timeout TO \(max(limit.milliseconds, 1))")
    }

    private func readDate(_ reply: PostgresReply?) throws -> Timestamp {
        guard let row = try reply?.rows().first else { throw Self.lost }
        let date = Timestamp(microseconds: try row.int64(0))
        fetchedDate = date
        return date
    }

    private static let dateQuery = "SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint"
    private static let lost = SQLError(.unavailable, code: "lost", message: "the connection was lost")
}
