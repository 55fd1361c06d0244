public import MartletCore

/// A service's own database: serializable transactions as synchronous closures.
///
/// ```swift
/// func move(_ code: String, to url: String, on database: any SQLDatabase) async throws -> Bool {
///     try await database.transaction("move") { tx in
///         let moved = try tx.run("UPDATE links SET url = \(url) WHERE code = \(code) RETURNING code")
///         return !moved.isEmpty
///     }
/// }
/// ```
public protocol SQLDatabase: Sendable {
    /// Runs `body` in a serializable transaction and returns when its commit is durable.
    ///
    /// The body may run several times, so `tx` must be its only effect. No result, success or error, precedes the
    /// commit. A body that conflicts with another transaction runs again, as ``SQLRepeats`` states.
    ///
    /// - Parameters:
    ///   - name: For the log of slow bodies.
    ///   - options: Its deadline, which ends waiting statements too, its isolation and its named locks.
    ///   - body: Runs its statements on `tx`; must not wait for anything else.
    /// - Throws: ``SQLError``; `Fault` with `deadlineExceeded`; otherwise what `body` throws; nothing is committed
    ///   then.
    @discardableResult
    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R

    /// Runs `body` on a snapshot that includes every commit acknowledged before; writes are refused.
    ///
    /// - Parameters:
    ///   - name: For the log of slow bodies; scans of one name wait for each other first.
    ///   - kind: `scan` when its work grows with the tables, or with what a caller asks for.
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - body: Runs its statements on `tx`; must not wait for anything else.
    /// - Throws: ``SQLError``, among them ``SQLError/queueFull``; `Fault` with `deadlineExceeded`; `CancellationError` for
    ///   a scan that waits for others; otherwise what `body` throws.
    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R

    /// Listens to `channels` until ``SQLNotifications/close()``: what ``SQLTransaction/notify(_:)`` notifies from now on, by
    /// any process that uses this database.
    ///
    /// - Throws: ``SQLError`` when the database does not respond.
    func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications

    /// A number that changes whenever all previous users of this database have exited.
    ///
    /// A lease acquired under another number is void. Always 0 where several processes may use the database.
    func bootNumber() async throws -> Int

    /// The runner's counters since the database was opened; zero where it does not count.
    var statistics: SQLStatistics { get }

    /// Whether it takes the named locks of a transaction.
    var namedLocks: SQLNamedLocks { get }

    /// The connections of this process, for metrics; zero where they are not counted.
    var pool: SQLPool { get }

    /// Refuses new bodies, finishes those that were accepted, and closes all connections; a repeat does nothing.
    func close() async
}

extension SQLDatabase {
    public func bootNumber() async throws -> Int { 0 }

    public var statistics: SQLStatistics { SQLStatistics() }

    /// Not needed, as where two transactions never run at once.
    public var namedLocks: SQLNamedLocks { .notNeeded }

    public var pool: SQLPool { SQLPool() }

    /// Does nothing, as where a database has no connections of its own.
    public func close() async {}

    /// The names of locks that only the database knows, for ``SQLOptions/locks``.
    ///
    /// The transaction decides anew inside: what the names were read from may have changed.
    ///
    /// - Parameters:
    ///   - name: For the log of slow bodies.
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - read: Reads the names, on a snapshot.
    /// - Returns: Nothing where the database takes no named locks; then nothing is read.
    /// - Throws: As ``read(_:kind:deadline:_:)``.
    public func lockNames(
        _ name: StaticString,
        deadline: Moment?,
        _ read: @escaping @Sendable (borrowing SQLTransaction) throws -> [ExactText]
    ) async throws -> [ExactText] {
        guard namedLocks == .taken else { return [] }
        return try await self.read(name, deadline: deadline, read)
    }

    /// Serializable, without named locks; see ``transaction(_:options:_:)``.
    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await transaction(name, options: SQLOptions(deadline: deadline), body)
    }

    /// Serializable, without a deadline; see ``transaction(_:options:_:)``.
    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString = #function,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await transaction(name, deadline: nil, body)
    }

    /// A lookup; see ``read(_:kind:deadline:_:)``.
    public func read<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await read(name, kind: .lookup, deadline: deadline, body)
    }

    /// A lookup without a deadline; see ``read(_:kind:deadline:_:)``.
    public func read<R: Sendable>(
        _ name: StaticString = #function,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await read(name, deadline: nil, body)
    }
}
