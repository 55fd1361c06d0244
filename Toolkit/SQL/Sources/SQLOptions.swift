public import MartletCore

/// How a transaction runs.
///
/// ```swift
/// func claim(_ name: String, on database: any SQLDatabase) async throws -> Bool {
///     let options = SQLOptions(isolation: .locking)
///     return try await database.transaction("claim", options: options) { tx in
///         let claimed = try tx.run("UPDATE jobs SET owner = 'me' WHERE name = \(name) AND owner IS NULL RETURNING name")
///         return !claimed.isEmpty
///     }
/// }
/// ```
public struct SQLOptions: Sendable {
    /// When the caller stops waiting; `nil`: never.
    public var deadline: Moment?
    public var isolation: SQLIsolation
    /// Named locks that are held until the transaction ends: taken before its snapshot, sorted by their bytes.
    ///
    /// Two transactions with a common name never run at once, so that they do not conflict. An engine whose transactions
    /// of one database never run at once takes none. No correctness may depend on them: a database that cannot take
    /// them states so when it opens, and relies on repeats.
    public let locks: [ExactText]
    /// Whether this is a step of a schema: it has no limit of time, and runs in a commit of its own.
    package var isMigration = false

    /// - Parameters:
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - isolation: `serializable` for everything that a service decides.
    ///   - locks: Names in any order; a repeated one counts once.
    public init(deadline: Moment? = nil, isolation: SQLIsolation = .serializable, locks: some Sequence<ExactText> = [])
    {
        self.deadline = deadline
        self.isolation = isolation
        self.locks = Set(locks).sorted()
    }

    /// Whether the transaction shares its commit with no other.
    var isApart: Bool { isMigration || isolation == .autocommit }
}

/// What a transaction sees of others that run at the same time.
public enum SQLIsolation: Sendable, Hashable {
    /// As if it ran alone: every service's transactions.
    case serializable
    /// Each statement sees what is committed when it begins, and locks the rows that it changes: on PostgreSQL, read
    /// committed.
    ///
    /// For leases, claims, marks and purges of the toolkit alone. Such a body decides only by what its own UPDATE,
    /// DELETE … RETURNING or SELECT … FOR UPDATE returned.
    case locking
    /// Each statement is a transaction of its own: for steps of a schema that an engine refuses inside a transaction.
    ///
    /// What ran before an error stays.
    case autocommit
}

/// How a connection begins a transaction.
public struct SQLBegin: Sendable {
    /// Whether it only reads, from one snapshot: writes are then refused.
    public var isReadOnly: Bool
    public var isolation: SQLIsolation
    /// Named locks to take before the snapshot, in this order.
    public var locks: [ExactText]
    /// Nothing may be waited for beyond this; `nil`: without a limit.
    public var deadline: Moment?
    /// Whether the connection's own limit of a body's time applies.
    public var isLimited: Bool

    public init(_ options: SQLOptions, isReadOnly: Bool) {
        self.isReadOnly = isReadOnly
        isolation = options.isolation
        locks = options.locks
        deadline = options.deadline
        isLimited = !options.isMigration
    }
}
