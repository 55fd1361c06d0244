public import MartletCore

/// A service's own database: serializable transactions as synchronous closures.
public protocol SQLDatabase: Sendable {
    /// Runs `body` in a serializable transaction and answers when its commit is durable.
    ///
    /// The body may run several times, so it is pure but for `tx`. No answer, success or error, leaves before the commit.
    ///
    /// - Parameters:
    ///   - name: For the log of slow bodies.
    ///   - deadline: Checked before the body and between its statements.
    /// - Throws: ``SQLError``; `Fault` with `deadlineExceeded`; otherwise whatever `body` throws, and then nothing is kept.
    @discardableResult
    func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R

    /// Runs `body` on a snapshot that sees every commit answered before; writing in it is refused.
    func read<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R

    /// A number that is new whenever everybody who used this database before is known to be dead.
    ///
    /// A lease that was taken under another epoch is void. Always 0 where several processes may use the database.
    func bootEpoch() async throws -> Int

    /// What its runner has done since it was opened; nothing where nobody counts.
    var statistics: SQLStatistics { get }
}

extension SQLDatabase {
    public func bootEpoch() async throws -> Int { 0 }

    public var statistics: SQLStatistics { SQLStatistics() }

    /// Without a deadline; see ``transaction(_:deadline:_:)``.
    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString = #function,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await transaction(name, deadline: nil, body)
    }

    /// Without a deadline; see ``read(_:deadline:_:)``.
    public func read<R: Sendable>(
        _ name: StaticString = #function,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await read(name, deadline: nil, body)
    }
}
