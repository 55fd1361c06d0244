public import MartletCore
public import MartletSQL

/// A database as one machine reaches it: over a connection that can break before, during and after a commit.
public struct MachineDatabase: SQLDatabase {
    /// The longest way to the database and back, in microseconds each.
    private static let travelLimit: UInt64 = 400
    /// The longest way on a bad day.
    private static let slowTravelLimit: UInt64 = 15_000_000

    private let machine: Machine
    private let server: @Sendable () -> Machine?
    private let store: @Sendable () throws -> any SQLDatabase
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let isShared: Bool

    /// - Parameters:
    ///   - isShared: Whether other machines use the database too.
    ///   - server: The machine that holds the database, as it is now; nothing is heard of it while it is frozen.
    ///   - store: The database behind the connection, as it is now.
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
    }

    public func bootEpoch() async throws -> Int { isShared ? 0 : try await store().bootEpoch() }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let database = try await reach()
        if faults.happens(.databaseConflict) {
            // What loses against another transaction is rolled back, and its body runs again.
            do { try await rollBack(name, deadline, on: database, body) } catch {}
            try machine.check()
        }
        let isUnknown = faults.happens(.commitUnknown)
        let unknown = SQLError(.outcomeUnknown, code: "08007", message: "the connection broke at the commit")
        if isUnknown, entropy.number(below: 2) == 0 {
            try await rollBack(name, deadline, on: database, body)
            throw unknown
        }
        let result = try await committed(name, deadline, on: database, body)
        if isUnknown { throw unknown }
        try await travel()
        return result
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let result = try await reach().read(name, deadline: deadline, body)
        try machine.check()
        return result
    }

    private struct RolledBack: Error {}

    /// - Throws: What `body` throws.
    private func rollBack<R: Sendable>(
        _ name: StaticString,
        _ deadline: Moment?,
        on database: any SQLDatabase,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws {
        do {
            try await database.transaction(name, deadline: deadline) { (tx: borrowing SQLTransaction) in
                _ = try body(tx)
                throw RolledBack()
            }
        } catch is RolledBack {}
    }

    /// The last boundary before a commit.
    private static let committing = "sql.committing"

    private func committed<R: Sendable>(
        _ name: StaticString,
        _ deadline: Moment?,
        on database: any SQLDatabase,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let (machine, isShared) = (machine, isShared)
        // The file of a process that ends there cannot be written any more; a server commits what it is told to, so that
        // the boundary lies before the machine tells it.
        let observer =
            isShared ? CrashPoints.Observer { if $0 != Self.committing { machine.pass($0) } } : CrashPoints.observer
        return try await CrashPoints.$observer.withValue(observer) {
            try await database.transaction(name, deadline: deadline) { (tx: borrowing SQLTransaction) in
                let result = try body(tx)
                if isShared { machine.pass(Self.committing) }
                try machine.check()
                return result
            }
        }
    }

    private func reach() async throws -> any SQLDatabase {
        try await travel()
        if faults.happens(.databaseAway) {
            throw SQLError(.unavailable, code: "08006", message: "the database cannot be reached")
        }
        if let server = server() {
            await server.thaw()
            try machine.check()
        }
        return try store()
    }

    /// Half of all ways take no time, but others may run meanwhile.
    private func travel() async throws {
        try machine.check()
        let draw = entropy.next()
        if faults.happens(.databaseSlow) {
            try await machine.time.sleep(for: .microseconds(Int64(draw % Self.slowTravelLimit)))
        } else if draw & 1 == 0 {
            await Task.yield()
        } else {
            // A database finishes what it was told; who waits for it may be gone.
            try await machine.time.sleep(for: .microseconds(Int64((draw >> 1) % Self.travelLimit)))
        }
        try machine.check()
    }
}
