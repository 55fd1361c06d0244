public import MartletCore

/// One connection, implemented by an adapter; used by one thread at a time and never exposed to a service.
public protocol SQLConnection: AnyObject {
    /// Begins a transaction, and fetches its date with it.
    ///
    /// - Throws: ``SQLError``; no transaction is open then.
    func begin(_ begin: SQLBegin) throws
    /// Runs one statement and returns all its rows. Values are bound to `$1`, `$2`, …
    ///
    /// - Parameters:
    ///   - query: One statement.
    ///   - deadline: When the caller stops waiting: a statement that waits or reads beyond it ends as `interrupted`. An
    ///     engine whose writers wait for each other need not interrupt a write that runs.
    /// - Throws: ``SQLError``; the transaction is then doomed.
    func run(_ query: SQLQuery, deadline: Moment?) throws -> [SQLRow]
    /// Notifies the listeners of these channels, in every process, if and only if the open transaction commits.
    ///
    /// The last call before the commit, at most one in each transaction. The listeners are notified once the commit is
    /// visible to them.
    ///
    /// - Throws: ``SQLError``; the transaction is then doomed.
    func notify(_ channels: Set<SQLChannel>) throws
    /// Ends or nests the transaction.
    func control(_ control: SQLControl) throws
    /// False when a statement or an error has ended the transaction.
    var inTransaction: Bool { get }
    /// The wall clock for stored due times and leases: fetched when the transaction began, and equal throughout it.
    ///
    /// - Throws: ``SQLError``, also when no transaction is open.
    var date: Timestamp { get throws }
    var dialect: SQLDialect { get }
}

/// Transaction control statements, reserved for the runner.
public enum SQLControl: Int, Sendable, CaseIterable {
    case commit, rollback, savepoint, releaseSavepoint, rollbackToSavepoint
}

/// Selects a statement's text where the engines need different texts.
public enum SQLDialect: Sendable, Hashable {
    case sqlite, postgres
}
