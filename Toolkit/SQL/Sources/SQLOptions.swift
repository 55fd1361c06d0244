public import MartletCore

/// How a transaction runs.
///
/// ```swift
/// func count(_ code: String, until deadline: Moment, on database: any SQLDatabase) async throws {
///     // Many callers count the same link: they wait for each other instead of running again.
///     let options = SQLOptions(deadline: deadline, locks: ["link/\(code)"])
///     try await database.transaction("count", options: options) { tx in
///         try tx.run("UPDATE links SET uses = uses + 1 WHERE code = \(code)")
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
    /// them states so (``SQLDatabase/namedLocks``) and relies on repeats. A body cannot take further ones: its snapshot
    /// would be older than the lock. Empty when there were more than ``locksLimit``.
    public let locks: [ExactText]
    /// Maximum names of one transaction; one with more takes none, and relies on repeats.
    public static let locksLimit = 128
    /// Whether this is a step of a schema: it has no limit of time, and runs in a commit of its own.
    package var isMigration = false

    /// Without named locks.
    ///
    /// - Parameters:
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - isolation: `serializable` for everything that a service decides.
    public init(deadline: Moment? = nil, isolation: SQLIsolation = .serializable) {
        self.deadline = deadline
        self.isolation = isolation
        locks = []
    }

    /// - Parameters:
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - isolation: `serializable` for everything that a service decides.
    ///   - locks: Names in any order, of the rows that many transactions change, as `link/c1`; a repeated one counts once.
    public init(deadline: Moment? = nil, isolation: SQLIsolation = .serializable, locks: some Sequence<ExactText>) {
        self.deadline = deadline
        self.isolation = isolation
        var names: [ExactText] = []
        for name in locks { names.append(name) }
        if names.count > 1 { names = Set(names).sorted() }
        self.locks = names.count <= Self.locksLimit ? names : []
    }

    /// For a body that decides by rows that it locks; without a deadline.
    ///
    /// See ``SQLIsolation/locking``.
    package static let locking = SQLOptions(isolation: .locking)

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
    /// DELETE … RETURNING or SELECT … FOR UPDATE (`SQLRowLock`) returned, and a purge states its condition outside of a
    /// subselect too: a row may have changed between the two. A serializable transaction does not conflict because
    /// it read what such a body changes: it must change the same row. `make verify` checks the form.
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
    /// Named locks to take before the snapshot, in this order: sorted by their bytes, without repeats.
    ///
    /// An engine whose locks are numbers takes them in the order of the numbers, since two names may have the same.
    public let locks: [ExactText]
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
