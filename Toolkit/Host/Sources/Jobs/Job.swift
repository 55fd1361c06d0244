public import MartletCore
public import MartletSQL

/// Periodic work of a service, such as expiry.
///
/// It runs on one replica at a time, which holds its lease. When that replica ends or is suspended, another one runs the job
/// after the lease, and the former one can no longer commit: see ``JobRun``. A job with an effect in the process itself
/// runs in each replica instead: ``onEveryReplica()``.
///
/// A failed run is logged and the schedule continues, also after a restart. Jobs are suspended for a while after a jump of
/// the wall clock, since most of them depend on it.
///
/// ```swift
/// let forgetting = Job("forget links", every: .seconds(3_600), batchesOf: 100) { tx in
///     let before = try (tx.date - .seconds(30 * 24 * 3_600)).microseconds
///     let forgotten = try tx.run(
///         """
///         DELETE FROM links WHERE code IN (SELECT code FROM links WHERE created_at < \(before) LIMIT 100)
///         RETURNING code
///         """
///     )
///     return forgotten.count
/// }
/// ```
public struct Job: Sendable {
    /// Used in the log, and as the name of its transactions.
    let name: String
    /// The time between the end of one run and the start of the next.
    let interval: Duration
    let body: @Sendable (JobRun) async throws -> Void
    /// Whether it runs on one replica at a time.
    private(set) var isExclusive = true

    /// - Parameters:
    ///   - name: Used in the log; unique in the service, and kept: it names the job's lease.
    ///   - interval: The time between the end of one run and the start of the next; over zero.
    ///   - body: Writes by the transactions of its run, which a replica that has lost the lease cannot commit. Cancelled
    ///     at shutdown, and when the lease is lost.
    public init(
        _ name: StaticString,
        every interval: Duration,
        _ body: @escaping @Sendable (JobRun) async throws -> Void
    ) {
        precondition(interval > .zero)
        self.name = "\(name)"
        self.interval = interval
        self.body = body
    }

    /// A job that works through many rows, in short transactions of the service's database.
    ///
    /// - Parameters:
    ///   - name: Used in the log.
    ///   - interval: The time between the end of one run and the start of the next; over zero.
    ///   - batch: How many rows a transaction handles at most; at least 1.
    ///   - body: Handles the next batch, and returns how many rows it had. The run ends with the first that is not
    ///     full: it keeps up with any rate at which rows become due.
    public init(
        _ name: StaticString,
        every interval: Duration,
        batchesOf batch: Int,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Int
    ) {
        self.init(name, every: interval, batchesOf: batch, locking: { _ in [] }, body)
    }

    /// As ``init(_:every:batchesOf:_:)``, for rows that many transactions change.
    ///
    /// - Parameters:
    ///   - name: Used in the log.
    ///   - interval: The time between the end of one run and the start of the next; over zero.
    ///   - batch: How many rows a transaction handles at most; at least 1.
    ///   - locks: The named locks of the next batch, read before its transaction begins, which decides anew. Nothing is
    ///     read where the database takes none.
    ///   - body: Handles the next batch, and returns how many rows it had.
    public init(
        _ name: StaticString,
        every interval: Duration,
        batchesOf batch: Int,
        locking locks: @escaping @Sendable (borrowing SQLTransaction) throws -> [ExactText],
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Int
    ) {
        precondition(batch >= 1)
        self.init(name, every: interval) { run in
            var handled = batch
            while handled >= batch {
                let names = try await run.database.lockNames(name, deadline: nil, locks)
                // The last batch ends the run: no other replica begins one in between.
                handled = try await run.transaction(name, options: SQLOptions(locks: names), ends: { $0 < batch }, body)
            }
        }
    }

    /// The same job without a lease: every replica runs it, at times of its own.
    ///
    /// For what belongs to a process, such as a cache.
    public func onEveryReplica() -> Job {
        var job = self
        job.isExclusive = false
        return job
    }

    /// Runs the job once without a lease, for tests and simulations.
    ///
    /// - Parameter database: The service's own.
    public func run(on database: any SQLDatabase) async throws {
        try await body(JobRun(id: "\(name)/0", lease: nil, on: database))
    }
}
