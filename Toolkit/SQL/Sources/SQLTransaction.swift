public import MartletCore

/// A transaction while its body runs.
///
/// Noncopyable and only borrowed: it can neither be stored nor used across an `await`.
///
/// ```swift
/// func urls(of codes: [String], in tx: borrowing SQLTransaction) throws -> [ExactText: String] {
///     let rows = try tx.run("SELECT code, url FROM links WHERE code IN (\(list: codes))")
///     return Dictionary(uniqueKeysWithValues: try rows.map { (ExactText(try $0.text(0)), try $0.text(1)) })
/// }
/// ```
public struct SQLTransaction: ~Copyable {
    let connection: any SQLConnection
    let execution: SQLRun

    init(_ connection: any SQLConnection, _ execution: SQLRun) {
        self.connection = connection
        self.execution = execution
    }

    /// Runs one statement.
    ///
    /// A text with the character U+0000 is refused as `misuse`: not every engine can store it.
    ///
    /// - Throws: ``SQLError``, after which this transaction can only fail, whatever the body does with the error;
    ///   `Fault` when the deadline has passed.
    @discardableResult
    public borrowing func run(_ query: SQLQuery) throws -> [SQLRow] {
        try execution.check()
        do {
            if query.hasNUL { throw Self.nul }
            return try connection.run(query, deadline: execution.deadline)
        } catch {
            let error = execution.atDeadline(error)
            execution.doom(error)
            throw error
        }
    }

    private static let nul = SQLError(.misuse, code: "nul", message: "a text must not contain U+0000")

    /// The database's wall clock when this transaction began, for stored due times and leases.
    ///
    /// Equal throughout the transaction; of one clock for all processes that use the database.
    ///
    /// - Throws: ``SQLError``, after which this transaction can only fail.
    public var date: Timestamp {
        get throws {
            do {
                return try connection.date
            } catch {
                execution.doom(error)
                throw error
            }
        }
    }

    public var dialect: SQLDialect { connection.dialect }

    /// The transaction's `Work` of this type, created on first use and flushed after the body, before the commit.
    public borrowing func deferred<Work: SQLDeferredWork>(_ make: () -> Work) -> Work { execution.deferred(make) }

    /// Runs `action` once after this transaction has committed, and never otherwise.
    ///
    /// It must be fast: it is meant for wake-ups.
    public borrowing func afterCommit(_ action: @escaping @Sendable () -> Void) { execution.afterCommit(action) }

    /// Notifies everyone who listens to `channel` of this database, in every process, once this transaction has
    /// committed, and never otherwise.
    ///
    /// ```swift
    /// func post(_ text: String, on database: any SQLDatabase) async throws {
    ///     try await database.transaction("post") { tx in
    ///         try tx.run("INSERT INTO mail (text) VALUES (\(text))")
    ///         tx.notify(SQLChannel("mail"))
    ///     }
    /// }
    /// ```
    ///
    /// It carries nothing, and several of one channel may arrive as one. A notification is lost where there is no
    /// listener, and may be lost with a connection or a process: a listener also polls from time to time. A repeat in
    /// one transaction, and a call in a read, do nothing.
    public borrowing func notify(_ channel: SQLChannel) { execution.notify(channel) }
}

/// Work that is collected while a body runs and written at its end, in the same transaction.
public protocol SQLDeferredWork: AnyObject {
    func flush(in tx: borrowing SQLTransaction) throws
}
