public import MartletSQL
import Synchronization

/// One run of a job, on the replica that holds its lease.
///
/// What it commits through its transactions happens once in each period, also when its replica was suspended for so long that
/// another one took over. An effect outside of the database may happen again: pass ``id`` on as its idempotency key.
///
/// ```swift
/// let report = Job("report links", every: .seconds(24 * 3_600)) { run in
///     let links = try await run.read { tx in try tx.run("SELECT COUNT(*) FROM links").first?.int(0) ?? 0 }
///     try await run.finalTransaction { tx in
///         try tx.run("INSERT INTO reports (id, links) VALUES (\(run.id), \(links))")
///     }
/// }
/// ```
public final class JobRun: Sendable {
    /// Identifies the run: the same for every replica that attempts it, and another one for the next run.
    public let id: String
    let database: any SQLDatabase
    /// `nil` for a job that runs without a lease.
    private let lease: JobLease?
    private let ended = Mutex(false)

    init(id: String, lease: JobLease?, on database: any SQLDatabase) {
        self.id = id
        self.lease = lease
        self.database = database
    }

    /// Whether a transaction of the run has ended it.
    var hasEnded: Bool { ended.withLock { $0 } }

    /// Runs `body` in a transaction that commits only if this replica still has the lease, and renews it.
    ///
    /// - Parameters:
    ///   - name: For the log of slow bodies.
    ///   - options: Its deadline, its isolation and its named locks.
    ///   - body: As that of `SQLDatabase.transaction(_:options:_:)`.
    /// - Throws: ``JobLeaseLost`` when another replica runs the job, or this run has ended; errors of the transaction.
    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString = #function,
        options: SQLOptions = SQLOptions(),
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await transaction(name, options: options, ends: { _ in false }, body)
    }

    /// As ``transaction(_:options:_:)``, and ends the run with its commit: no replica runs the job again in this period.
    ///
    /// Without it the run ends after its body, and a replica that ends in between leaves it to be run again.
    @discardableResult
    public func finalTransaction<R: Sendable>(
        _ name: StaticString = #function,
        options: SQLOptions = SQLOptions(),
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await transaction(name, options: options, ends: { _ in true }, body)
    }

    /// Runs `body` on a snapshot; writes are refused.
    public func read<R: Sendable>(
        _ name: StaticString = #function,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.read(name, deadline: nil, body)
    }

    /// - Parameter ends: Whether a result ends the run.
    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        ends: @escaping @Sendable (R) -> Bool,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let lease = lease
        let result = try await database.transaction(name, options: options) { (tx: borrowing SQLTransaction) -> R in
            try lease?.keep(in: tx)
            let result = try body(tx)
            if ends(result) { try lease?.end(in: tx) }
            return result
        }
        if ends(result) { ended.withLock { $0 = true } }
        return result
    }
}
