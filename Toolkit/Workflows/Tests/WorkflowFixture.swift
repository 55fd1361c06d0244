import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization

@testable import MartletWorkflows

/// A workflow whose function is a closure of the test.
struct Scripted: Workflow {
    static let name = "scripted"
    static let version = 1

    let body: @Sendable (String, WorkflowContext) async throws -> String

    init(_ body: @escaping @Sendable (String, WorkflowContext) async throws -> String) { self.body = body }

    func run(_ input: String, _ context: WorkflowContext) async throws -> String { try await body(input, context) }
}

/// The next version of the same workflow.
struct ScriptedNext: Workflow {
    static let name = "scripted"
    static let version = 2

    func run(_ input: String, _ context: WorkflowContext) async throws -> String { "next" }
}

/// Another service: records every call, executes each key once, and fails as configured.
final class Peer: Sendable {
    private struct State {
        var calls: [String] = []
        var done: Set<String> = []
        var faults: [String: [Fault]] = [:]
    }

    private let state = Mutex(State())

    /// The keys in call order.
    var calls: [String] { state.withLock { $0.calls } }
    /// The keys that took effect.
    var effects: [String] { state.withLock { $0.done.sorted() } }

    /// The next calls with this key fail with these faults; later ones succeed.
    func fail(_ key: String, _ faults: [Fault]) { state.withLock { $0.faults[key] = faults } }

    func call(_ call: StepCall, takesEffect: Bool = true) throws -> String {
        try state.withLock { state in
            state.calls.append(call.key)
            if let fault = state.faults[call.key]?.first {
                state.faults[call.key]?.removeFirst()
                // A call of unknown outcome may have been executed.
                if fault.code.outcome == .unknown { state.done.insert(call.key) }
                throw fault
            }
            if takesEffect { state.done.insert(call.key) }
            return "did \(call.key)"
        }
    }
}

extension Fault {
    static let declined = Fault(.failedPrecondition, "peer.declined", "declined")
    static let busy = Fault(.aborted, .conflict, "busy")
    static let lost = Fault(.unavailable, .unavailable, "lost")
}

/// A database that counts its transactions, reads not included, and is unavailable during an outage.
struct CountingDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    let count = Counter()
    let outage = Outage()

    /// Fails a number of the next transactions, with nothing committed.
    final class Outage: Sendable {
        private let left = Mutex(0)
        func begin(transactions: Int) { left.withLock { $0 = transactions } }
        func consume() -> Bool {
            left.withLock { left in
                guard left > 0 else { return false }
                left -= 1
                return true
            }
        }
    }

    final class Counter: Sendable {
        private let number = Mutex(0)
        var value: Int { number.withLock { $0 } }
        func add() { number.withLock { $0 += 1 } }
        func reset() { number.withLock { $0 = 0 } }
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        count.add()
        if outage.consume() { throw SQLError(.unavailable, code: "full", message: "the disk is full") }
        return try await database.transaction(name, options: options, body)
    }
}

/// One service's database, clocks and peer.
struct WorkflowFixture: Sendable {
    let time = ManualTime()
    /// How far the wall clock of the processes is ahead of the database's.
    var skew = Duration.zero
    let entropy = SeededEntropy(seed: 7)
    let database: CountingDatabase
    let peer = Peer()
    var limits = WorkflowLimits()
    /// The decision of the clock watch.
    var pausesExpiry: @Sendable () -> Bool = { false }

    init() async throws {
        database = CountingDatabase(database: try SQLiteDatabase.inMemory(time: time))
        limits.retryDelayMin = .zero
        try await database.migrate(
            WorkflowEngine.migrations + [
                Migration("effects", 1, ["CREATE TABLE effects (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"])
            ]
        )
    }

    /// A new process on the same database.
    func engine(_ body: @escaping @Sendable (String, WorkflowContext) async throws -> String) -> WorkflowEngine {
        engine(of: RegisteredWorkflow(Scripted(body)))
    }

    /// A new process that has registered only this workflow.
    func engine(of workflow: RegisteredWorkflow) -> WorkflowEngine {
        let engine = WorkflowEngine(
            WorkflowTools(
                service: "tests",
                database: database,
                runtime: Runtime(time: SkewedTime(time: time, skew: skew), entropy: entropy),
                limits: limits,
                observe: { _ in },
                pausesExpiry: pausesExpiry
            )
        )
        engine.register([workflow])
        return engine
    }

    /// Executes due runs; kills the process of an execution where `isKilled` returns true for a boundary.
    func run(_ engine: WorkflowEngine, killedAt isKilled: @escaping @Sendable (String) -> Bool) async throws {
        let observer = CrashPoints.Observer(stops: { WorkflowContext.boundaries.contains($0) && isKilled($0) })
        try await CrashPoints.$observer.withValue(observer) { _ = try await engine.runUntilIdle() }
    }

    /// Starts the run `r`.
    @discardableResult
    func start(on engine: WorkflowEngine, _ input: String = "in") async throws -> Bool {
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try engine.start(Scripted.self, id: "r", input: input, for: .user("ann"), in: tx)
        }
    }

    @discardableResult
    func signal(_ name: String, _ payload: String, on engine: WorkflowEngine) async throws -> Bool {
        try await database.transaction { (tx: borrowing SQLTransaction) in
            try engine.signal(run: "r", name: name, payload: payload, in: tx)
        }
    }

    func outcome(_ engine: WorkflowEngine) async throws -> WorkflowOutcome<String>? {
        try await engine.result(of: "r", as: Scripted.self)
    }

    func journal(_ engine: WorkflowEngine) async throws -> [String] {
        let found = try await engine.operations.show("r")
        return (found?.journal ?? []).map { "\($0.step) \($0.kind.rawValue) \($0.state.rawValue)" }
    }

    func effects() async throws -> [String] {
        try await database.read { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT name, value FROM effects ORDER BY name").map { try "\($0.text(0))=\($0.int(1))" }
        }
    }
}

/// Adds one to the row of this name.
func add(_ name: String, _ tx: borrowing SQLTransaction) throws {
    try tx.run(
        """
        INSERT INTO effects (name, value) VALUES (\(name), 1)
        ON CONFLICT (name) DO UPDATE SET value = effects.value + 1
        """
    )
}
