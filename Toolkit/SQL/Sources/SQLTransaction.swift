public import MartletCore

/// A transaction while its body runs.
///
/// Noncopyable and only ever borrowed: it can be neither kept nor awaited upon.
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

    /// The database's wall clock, by which stored due times and leases are judged.
    public var date: Timestamp { connection.date }

    public var dialect: SQLDialect { connection.dialect }

    /// The one `Work` of its type in this transaction, made on first use; it is flushed after the body, before the commit.
    public borrowing func deferred<Work: SQLDeferredWork>(_ make: () -> Work) -> Work { scope.deferred(make) }

    /// Runs `action` once when this transaction has committed; never when it has not.
    ///
    /// It must be quick and must not throw: it wakes somebody.
    public borrowing func afterCommit(_ action: @escaping @Sendable () -> Void) { scope.afterCommit(action) }
}

/// Work that is collected while a body runs and written at its end, in the same transaction.
public protocol SQLDeferredWork: AnyObject {
    func flush(in tx: borrowing SQLTransaction) throws
}
