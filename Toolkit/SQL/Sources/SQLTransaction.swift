public import MartletCore

/// A transaction while its body runs.
///
/// Noncopyable and only borrowed: it can neither be stored nor used across an `await`.
///
/// ```swift
/// func urls(of codes: [String], in tx: borrowing SQLTransaction) throws -> [ExactText: String] {
///     let rows = try tx.run("SELECT code, url FROM links WHERE code IN (\(list: codes))")
///     return Dictionary(uniqueKeysWithValues: rows.map { (ExactText($0.text(0)), $0.text(1)) })
/// }
/// ```
public struct SQLTransaction: ~Copyable {
    let connection: any SQLConnection
    let scope: SQLScope

    init(_ connection: any SQLConnection, _ scope: SQLScope) {
        self.connection = connection
        self.scope = scope
    }

    /// Runs one statement.
    ///
    /// - Throws: ``SQLError``, after which this transaction can only fail, whatever the body does with the error;
    ///   `Fault` when the deadline has passed.
    @discardableResult
    public borrowing func run(_ query: SQLQuery) throws -> [SQLRow] {
        try scope.check()
        do {
            return try connection.run(query)
        } catch {
            scope.doom(error)
            throw error
        }
    }

    /// The database's wall clock, for stored due times and leases.
    public var date: Timestamp { connection.date }

    public var dialect: SQLDialect { connection.dialect }

    /// The transaction's `Work` of this type, created on first use and flushed after the body, before the commit.
    public borrowing func deferred<Work: SQLDeferredWork>(_ make: () -> Work) -> Work { scope.deferred(make) }

    /// Runs `action` once after this transaction has committed, and never otherwise.
    ///
    /// It must be fast: it is meant for wake-ups.
    public borrowing func afterCommit(_ action: @escaping @Sendable () -> Void) { scope.afterCommit(action) }
}

/// Work that is collected while a body runs and written at its end, in the same transaction.
public protocol SQLDeferredWork: AnyObject {
    func flush(in tx: borrowing SQLTransaction) throws
}
