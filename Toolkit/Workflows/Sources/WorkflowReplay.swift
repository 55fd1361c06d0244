public import MartletCore
public import MartletSQL
import Synchronization

/// A test's proof that a workflow survives a crash anywhere: it runs once undisturbed, then once for each durable
/// boundary, killed there and resumed by a new engine.
///
/// All its endings have to be equal.
public struct WorkflowReplay<W: Workflow>: Sendable {
    /// What one pass runs in: everything fresh, so that passes do not see one another.
    public struct World: Sendable {
        public let database: any SQLDatabase
        public let time: any TimeSource
        public let entropy: any Entropy
        public let workflow: W
        /// What the pass did to the outside, in one word that is equal when the effects are equal.
        public let effects: @Sendable () async throws -> String
        /// Called while the run waits: moves the clock, or sends the signal.
        public let proceed: @Sendable (_ engine: WorkflowEngine, _ run: WorkflowRun) async throws -> Void

        public init(
            database: any SQLDatabase,
            time: any TimeSource,
            entropy: any Entropy,
            workflow: W,
            effects: @escaping @Sendable () async throws -> String = { "" },
            proceed: @escaping @Sendable (_ engine: WorkflowEngine, _ run: WorkflowRun) async throws -> Void = { _, _ in
            }
        ) {
            self.database = database
            self.time = time
            self.entropy = entropy
            self.workflow = workflow
            self.effects = effects
            self.proceed = proceed
        }
    }

    /// How one pass came out.
    public struct Ending: Sendable, Hashable {
        public let state: WorkflowState
        public let output: String?
        public let error: String?
        /// `step kind state result` of each entry.
        public let journal: [String]
        public let effects: String
    }

    public struct Report: Sendable {
        public let undisturbed: Ending
        /// Name of the boundary at which a pass was killed, and how that pass came out.
        public let killed: [(boundary: String, ending: Ending)]

        /// The passes that came out otherwise than the undisturbed one; empty when the workflow is sound.
        public var differences: [String] {
            killed.enumerated().filter { $0.element.ending != undisturbed }
                .map { "killed at boundary \($0.offset + 1), \($0.element.boundary): \($0.element.ending)" }
        }
    }

    /// Waits of one pass.
    public static var waitsLimit: Int { 1_000 }

    let input: W.Input
    let principal: String
    let limits: WorkflowLimits
    let world: @Sendable () async throws -> World

    /// - Parameter world: Makes a fresh world; its database needs no tables of workflows yet.
    public init(
        of input: W.Input,
        principal: String = "tester",
        limits: WorkflowLimits = WorkflowLimits(),
        world: @escaping @Sendable () async throws -> World
    ) {
        self.input = input
        self.principal = principal
        self.limits = limits
        self.world = world
    }

    public func run() async throws -> Report {
        let (undisturbed, boundaries) = try await pass(killedAt: nil)
        var killed: [(boundary: String, ending: Ending)] = []
        for (index, boundary) in boundaries.enumerated() {
            killed.append((boundary, try await pass(killedAt: index + 1).ending))
        }
        return Report(undisturbed: undisturbed, killed: killed)
    }

    private func pass(killedAt hit: Int?) async throws -> (ending: Ending, boundaries: [String]) {
        let world = try await world()
        try await world.database.migrate(WorkflowEngine.migrations)
        let reached = Boundaries(killedAt: hit)
        let first = engine(in: world) { reached.hit($0) }
        let run = "replayed"
        let (input, principal) = (input, principal)
        try await world.database.transaction("replay.start") { (tx: borrowing SQLTransaction) in
            try first.start(W.self, id: run, input: input, principal: principal, in: tx)
        }
        if try await drive(first, run, world, until: { reached.isKilled }) == false {
            let second = engine(in: world, probe: nil)
            try await world.database.transaction("replay.boot") { (tx: borrowing SQLTransaction) in
                try WorkflowClaims.voidLeases(butOf: second.owner, in: tx)
            }
            guard try await drive(second, run, world, until: { false }) else { throw ReplayStuck(run: run) }
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
            effects: try await world.effects()
        )
        return (ending, reached.names)
    }

    private func engine(in world: World, probe: (@Sendable (String) -> Bool)?) -> WorkflowEngine {
        let engine = WorkflowEngine(
            WorkflowTools(
                service: "replay",
                database: world.database,
                time: world.time,
                entropy: world.entropy,
                limits: limits,
                observe: { _ in },
                probe: probe
            )
        )
        engine.register([RegisteredWorkflow(world.workflow)])
        return engine
    }

    /// - Returns: True when the run has come out, false when it was killed.
    private func drive(
        _ engine: WorkflowEngine,
        _ run: String,
        _ world: World,
        until isKilled: () -> Bool
    ) async throws -> Bool {
        for _ in 0..<Self.waitsLimit {
            try await engine.runUntilIdle()
            if isKilled() { return false }
            guard let found = try await engine.operations.show(run)?.run else { throw ReplayStuck(run: run) }
            if found.state != .open { return true }
            try await world.proceed(engine, found)
        }
        throw ReplayStuck(run: run)
    }
}

/// A replayed run never came out.
public struct ReplayStuck: Error, Equatable {
    public let run: String
}

/// Counts the boundaries of a pass, and kills at one.
private final class Boundaries: Sendable {
    private let hit: Int?
    private let state = Mutex<[String]>([])

    init(killedAt hit: Int?) { self.hit = hit }

    var names: [String] { state.withLock { $0 } }
    var isKilled: Bool { hit.map { names.count >= $0 } ?? false }

    func hit(_ name: String) -> Bool {
        state.withLock { names in
            names.append(name)
            return names.count == hit
        }
    }
}
