public import MartletCore
public import MartletSQL

/// A database as seen by one machine: over a connection that can break before, during and after a commit.
public struct MachineDatabase: SQLDatabase {
    /// The longest latency in one direction, in microseconds.
    private static let latencyMax: UInt64 = 400
    /// The longest latency of a slow database, in microseconds.
    private static let slowLatencyMax: UInt64 = 15_000_000
    /// Where conflicts are at least as frequent, a body that handles several events loses each time.
    private static let batchesLoseRate = 0.1
    /// The transaction that handles events; its body returns a decision for each.
    private static let batch = "inbox.take"

    private let machine: Machine
    private let server: @Sendable () -> Machine?
    private let store: @Sendable () throws -> any SQLDatabase
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let isShared: Bool
    private let repeats: SQLRepeats

    /// - Parameters:
    ///   - machine: The machine that uses the database.
    ///   - isShared: Whether other machines use the database too.
    ///   - faults: Decides which operations fail.
    ///   - entropy: Decides latencies, and whether a commit without a response took effect.
    ///   - server: The machine that runs the database now; it does not respond while it is paused.
    ///   - store: The database behind the connection now.
    public init(
        of machine: Machine,
        isShared: Bool,
        faults: FaultInjector,
        entropy: any Entropy,
        server: @escaping @Sendable () -> Machine? = { nil },
        _ store: @escaping @Sendable () throws -> any SQLDatabase
    ) {
        self.machine = machine
        self.isShared = isShared
        self.faults = faults
        self.entropy = entropy
        self.server = server
        self.store = store
        repeats = SQLRepeats(limits: SQLRepeats.Limits(), runtime: Runtime(time: machine.time, entropy: entropy))
    }

    public func bootNumber() async throws -> Int { isShared ? 0 : try await store().bootNumber() }

    public var namedLocks: SQLNamedLocks { isShared ? .taken : .notNeeded }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        do {
            return try await repeats.run(until: options.deadline) {
                try await attempt(name, options: options, body: body)
            }
        } catch is LostBatch {
            throw Self.conflict
        }
    }

    private func attempt<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let database = try await connect()
        if batchesLose, "\(name)" == Self.batch {
            let events = try await rollBack(name, options: options, on: database, body: body)
            try machine.check()
            if events > 1 {
                faults.count(.databaseConflict)
                throw LostBatch()
            }
        }
        if faults.happens(.databaseConflict) {
            // The losing transaction is rolled back, and its body runs again.
            do { try await rollBack(name, options: options, on: database, body: body) } catch {}
            try machine.check()
            throw Self.conflict
        }
        let isUnknown = faults.happens(.commitUnknown)
        let unknown = SQLError(.outcomeUnknown, code: "08007", message: "the connection broke at the commit")
        if isUnknown, entropy.number(below: 2) == 0 {
            try await rollBack(name, options: options, on: database, body: body)
            throw unknown
        }
        let result = try await committed(name, options: options, on: database, body: body)
        if isUnknown { throw unknown }
        try await waitForNetwork()
        return result
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let result = try await connect().read(name, kind: kind, deadline: deadline, body)
        try machine.check()
        return result
    }

    /// Of all machines that use the database; a notification takes no time.
    public func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        try await connect().notifications(of: channels)
    }

    private struct RolledBack: Error {
        let results: Int
    }

    /// A body with several events that has lost in all its attempts.
    private struct LostBatch: Error {}

    private static let conflict = SQLError(.conflict, code: "40001", message: "the transaction conflicts with another")

    /// Whether a body with several events loses to shorter transactions in all its attempts, as beside a hot row.
    private var batchesLose: Bool { isShared && faults.rates[.databaseConflict] ?? 0 >= Self.batchesLoseRate }

    /// - Returns: How many results `body` has returned.
    /// - Throws: What `body` throws.
    @discardableResult
    private func rollBack<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        on database: any SQLDatabase,
        body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> Int {
        do {
            return try await database.transaction(name, options: options) { (tx: borrowing SQLTransaction) -> Int in
                let results = try body(tx) as? [Any]
                throw RolledBack(results: results?.count ?? 1)
            }
        } catch let rolledBack as RolledBack {
            return rolledBack.results
        }
    }

    /// The last crash point before a commit.
    private static let committing = "sql.committing"

    private func committed<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        on database: any SQLDatabase,
        body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let (machine, isShared) = (machine, isShared)
        // A crashed process cannot write its own file any more. A server commits what was sent to it, so that with a
        // server the crash point comes before the commit is sent.
        let observer =
            isShared
            ? CrashPoints.Observer(passed: { if $0 != Self.committing { machine.passCrashPoint($0) } })
            : CrashPoints.observer
        return try await CrashPoints.$observer.withValue(observer) {
            try await database.transaction(name, options: options) { (tx: borrowing SQLTransaction) in
                let result = try body(tx)
                if isShared { machine.passCrashPoint(Self.committing) }
                try machine.check()
                return result
            }
        }
    }

    private func connect() async throws -> any SQLDatabase {
        try await waitForNetwork()
        if faults.happens(.databaseAway) {
            throw SQLError(.unavailable, code: "08006", message: "the database cannot be reached")
        }
        if let server = server() {
            await server.waitUntilResumed()
            try machine.check()
        }
        return try store()
    }

    /// Half of all messages take no time, but other tasks may run meanwhile.
    private func waitForNetwork() async throws {
        try machine.check()
        let draw = entropy.next()
        // A database finishes what was sent to it, also when the caller's task is cancelled; the caller may have crashed
        // meanwhile.
        if faults.happens(.databaseSlow) {
            try? await machine.time.sleep(for: .microseconds(Int64(draw % Self.slowLatencyMax)))
        } else if draw & 1 == 0 {
            await Task.yield()
        } else {
            try? await machine.time.sleep(for: .microseconds(Int64((draw >> 1) % Self.latencyMax)))
        }
        try machine.check()
    }
}
