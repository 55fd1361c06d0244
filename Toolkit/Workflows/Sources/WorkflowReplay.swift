public import MartletCore
public import MartletSQL
import Synchronization

/// Tests that a workflow survives a crash anywhere: one pass runs uninterrupted, then one pass for each durable
/// boundary is killed there and resumed by a new engine.
///
/// All endings must be equal.
public struct WorkflowReplay<W: Workflow>: Sendable {
    /// The environment of one pass: everything fresh, so that passes are independent.
    public struct Environment: Sendable {
        let database: any SQLDatabase
        let runtime: Runtime
        let workflow: W
        /// The external effects of the pass as one text, equal for equal effects.
        let effects: @Sendable () async throws -> String
        /// Called while the run waits: advances the clock, or sends the signal.
        let proceed: @Sendable (_ engine: WorkflowEngine, _ run: WorkflowRun) async throws -> Void

        public init(
            database: any SQLDatabase,
            runtime: Runtime,
            workflow: W,
            effects: @escaping @Sendable () async throws -> String = { "" },
            proceed: @escaping @Sendable (_ engine: WorkflowEngine, _ run: WorkflowRun) async throws -> Void = { _, _ in
            }
        ) {
            self.database = database
            self.runtime = runtime
            self.workflow = workflow
            self.effects = effects
            self.proceed = proceed
        }
    }

    /// The outcome of one pass.
    public struct Ending: Sendable, Hashable {
        public let state: WorkflowState
        public let output: String?
        public let error: String?
        /// `step kind state result` of each entry.
        let journal: [String]
        public let effects: String
    }

    public struct Report: Sendable {
        public let uninterrupted: Ending
        /// The name of the boundary at which a pass was killed, and the pass's ending.
        public let killed: [(boundary: String, ending: Ending)]

        /// The passes whose ending differs from the uninterrupted one; empty when the workflow is sound.
        public var differences: [String] {
            killed.enumerated().filter { $0.element.ending != uninterrupted }
                .map { "killed at boundary \($0.offset + 1), \($0.element.boundary): \($0.element.ending)" }
        }
    }

    /// The most waits of one pass.
    public static var waitsLimit: Int { 1_000 }

    let input: W.Input
    let party: Principal.Party
    let limits: WorkflowLimits
    let environment: @Sendable () async throws -> Environment

    /// - Parameters:
    ///   - input: The input of the run.
    ///   - party: For whom the run acts.
    ///   - limits: The limits of the engine.
    ///   - environment: Makes a fresh environment; its database needs no tables of workflows yet.
    public init(
        of input: W.Input,
        for party: Principal.Party = .user("tester"),
        limits: WorkflowLimits = WorkflowLimits(),
        environment: @escaping @Sendable () async throws -> Environment
    ) {
        self.input = input
        self.party = party
        self.limits = limits
        self.environment = environment
    }

    public func run() async throws -> Report {
        let (uninterrupted, boundaries) = try await pass(killedAt: nil)
        var killed: [(boundary: String, ending: Ending)] = []
        for (index, boundary) in boundaries.enumerated() {
            killed.append((boundary, try await pass(killedAt: index + 1).ending))
        }
        return Report(uninterrupted: uninterrupted, killed: killed)
    }

    private func pass(killedAt hit: Int?) async throws -> (ending: Ending, boundaries: [String]) {
        let environment = try await environment()
        try await environment.database.migrate(modules: WorkflowEngine.migrations)
        let boundaries = Boundaries(killedAt: hit)
        let first = engine(in: environment)
        let run = "replayed"
        let (input, party) = (input, party)
        try await environment.database.transaction("replay.start") { (tx: borrowing SQLTransaction) in
            try first.start(W.self, id: run, input: input, for: party, in: tx)
        }
        let observer = CrashPoints.Observer(stops: { boundaries.hit($0) })
        let hasEnded = try await CrashPoints.$observer.withValue(observer) {
            try await drive(first, run: run, in: environment, until: { boundaries.isKilled })
        }
        if !hasEnded {
            let second = engine(in: environment)
            try await environment.database.transaction("replay.boot") { (tx: borrowing SQLTransaction) in
                try WorkflowClaims.voidLeases(exceptOf: second.owner, in: tx)
            }
            guard try await drive(second, run: run, in: environment, until: { false }) else {
                throw ReplayStuck(run: run)
            }
        }
        guard let found = try await first.operations.show(run) else { throw ReplayStuck(run: run) }
        let journal = found.journal.map { entry in
            "\(entry.step) \(entry.kind.rawValue) \(entry.state.rawValue) \(entry.result ?? "-")"
        }
        let ending = Ending(
            state: found.run.state,
            output: found.run.output,
            error: found.run.error,
            journal: journal,
            effects: try await environment.effects()
        )
        return (ending, boundaries.names)
    }

    private func engine(in environment: Environment) -> WorkflowEngine {
        let engine = WorkflowEngine(
            WorkflowTools(
                service: "replay",
                database: environment.database,
                runtime: environment.runtime,
                limits: limits,
                observe: { _ in }
            )
        )
        engine.register([RegisteredWorkflow(environment.workflow)])
        return engine
    }

    /// - Returns: True when the run has ended, false when it was killed.
    private func drive(
        _ engine: WorkflowEngine,
        run: String,
        in environment: Environment,
        until isKilled: () -> Bool
    ) async throws -> Bool {
        for _ in 0..<Self.waitsLimit {
            try await engine.runUntilIdle()
            if isKilled() { return false }
            guard let found = try await engine.operations.show(run)?.run else { throw ReplayStuck(run: run) }
            if found.state != .open { return true }
            try await environment.proceed(engine, found)
        }
        throw ReplayStuck(run: run)
    }
}

/// A replayed run did not end.
public struct ReplayStuck: Error, Equatable {
    public let run: String
}

/// Counts the boundaries of a pass, and kills it at one.
private final class Boundaries: Sendable {
    private let hit: Int?
    private let state = Mutex<[String]>([])

    init(killedAt hit: Int?) { self.hit = hit }

    var names: [String] { state.withLock { $0 } }
    var isKilled: Bool { hit.map { names.count >= $0 } ?? false }

    func hit(_ name: String) -> Bool {
        guard WorkflowContext.boundaries.contains(name) else { return false }
        return state.withLock { names in
            names.append(name)
            return names.count == hit
        }
    }
}
