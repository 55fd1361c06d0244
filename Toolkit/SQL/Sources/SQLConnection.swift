public import MartletCore

/// What an adapter implements: one connection, used by one thread at a time, never seen by a service.
public protocol SQLConnection: AnyObject {
    /// Runs one statement and returns all its rows. Values are bound to `$1`, `$2`, …
    ///
    /// - Throws: ``SQLError``; the transaction is then doomed.
    func run(_ query: SQLQuery) throws -> [SQLRow]
    /// Begins, ends or nests the transaction.
    func control(_ control: SQLControl) throws
    /// False when a statement or an error ended the transaction behind the runner's back.
    var inTransaction: Bool { get }
    /// The wall clock by which stored due times and leases are judged.
    var date: Timestamp { get }
    var dialect: SQLDialect { get }
}

/// What only the runner may say.
public enum SQLControl: Int, Sendable, CaseIterable {
    case begin, beginRead, commit, rollback, savepoint, releaseSavepoint, rollbackToSavepoint
}

/// Where one text cannot serve both engines, both stand side by side and this chooses.
public enum SQLDialect: Sendable, Hashable {
    case sqlite, postgres
}
