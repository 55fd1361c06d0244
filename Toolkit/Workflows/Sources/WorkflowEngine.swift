public import MartletCore
public import MartletSQL
import Synchronization

/// Executes the workflows of one service, inside its own database.
///
/// Safe to share between tasks. One per service and process.
public final class WorkflowEngine: Sendable {
    /// How long finished runs are stored, with journal and signals; see ``purge(olderThan:limit:)``.
    package static let finishedRetention = Duration.seconds(90 * 24 * 3_600)
    package static var migrations: [Migration] { WorkflowTables.migrations + WorkflowAuditViews.migrations }

    let tools: WorkflowTools
    /// Identifies this engine in leases; new in every run of the process.
    let owner: String
    let state: Mutex<EngineState>
    /// Wakes the loop.
    let wakeUp = Signal()
    /// Wakes the renewal of leases.
    let activity = Signal()

    var database: any SQLDatabase { tools.database }
    var time: any TimeSource { tools.runtime.time }
    var limits: WorkflowLimits { tools.limits }

    /// - Parameters:
    ///   - service: The principal that remote steps call as.
    ///   - database: The service's database, with the tables that `ServiceRuntime.migrations(of:)` returns.
    ///   - runtime: The clocks and the random numbers.
    ///   - limits: Concurrency, leases, attempts and delays.
    ///   - pausesExpiry: True while the wall clock is not trusted: then no timer and no lease expires.
    ///   - observeWait: Receives how long each request that waited for ``admit(_:_:)`` did; it must not block.
    ///   - observe: Receives the events of runs, for metrics and alerts; it must not block.
    public convenience init(
        service: String,
        database: any SQLDatabase,
        runtime: Runtime,
        limits: WorkflowLimits = WorkflowLimits(),
        pausesExpiry: @escaping @Sendable () -> Bool = { false },
        observeWait: @escaping @Sendable (Duration) -> Void = { _ in },
        observe: @escaping @Sendable (WorkflowEvent) -> Void = { _ in }
    ) {
        self.init(
            WorkflowTools(
                service: service,
                database: database,
                runtime: runtime,
                limits: limits,
                observe: observe,
                pausesExpiry: pausesExpiry,
                observeWait: observeWait
            )
        )
    }

    init(_ tools: WorkflowTools) {
        self.tools = tools
        owner = "\(tools.runtime.identifier())"
        state = Mutex(EngineState(tools.limits))
    }

    /// Registers workflows, before the engine runs and before any start.
    ///
    /// Each name and version once.
    public func register(_ workflows: [RegisteredWorkflow]) {
        state.withLock { state in
            for workflow in workflows { state.register(workflow) }
        }
    }

    // MARK: Starting and signalling, in the caller's transaction

    /// Starts a run when `tx` commits.
    ///
    /// A repeat with the same id does nothing and returns false.
    ///
    /// - Parameters:
    ///   - workflow: The type of the workflow; it must be registered.
    ///   - id: Unique over all workflows of the service; it becomes part of the steps' keys.
    ///   - input: Stored with the run: ids, never personal data.
    ///   - party: For whom the run acts, days later too: attribution, never a token.
    ///   - trace: Where the run belongs in a trace; `nil`: where the transaction does.
    ///   - tx: The transaction with which the run begins or does not.
    /// - Throws: ``WorkflowNotRegistered``; `Fault` when the input is longer than `bytesMax`.
    @discardableResult
    public func start<W: Workflow>(
        _ workflow: W.Type,
        id: String,
        input: W.Input,
        for party: Principal.Party,
        trace: TraceContext? = nil,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        let key = WorkflowKey.text(W.name, W.version)
        let trace = trace ?? TraceContext.current
        guard state.withLock({ $0.workflows[key] != nil }) else { throw WorkflowNotRegistered(key: key) }
        let text = try bounded(try StoredJSON.text(input))
        let date = try tx.date
        let isClaimed = state.withLock { $0.claimsOnStart(key) }
        let wakeAt = isClaimed ? date + limits.lease : date
        let rows = try tx.run(
            """
            INSERT INTO workflow_runs (id, workflow, version, state, input, principal, traceparent, lease_owner, fence,
                wake_at, by_clock, attempts, unknowns, forced, created_at, updated_at)
            VALUES (\(id), \(W.name), \(W.version), 'open', \(text), \(party.row), \(trace?.traceparent),
                \(isClaimed ? owner : nil), 1, \(wakeAt.microseconds), \(isClaimed), \(isClaimed ? 1 : 0), 0, 0,
                \(date.microseconds), \(date.microseconds))
            ON CONFLICT (id) DO NOTHING RETURNING id
            """
        )
        guard !rows.isEmpty else { return false }
        let run = ClaimedRun(
            id: id,
            workflow: W.name,
            version: W.version,
            input: text,
            party: party,
            trace: trace,
            owner: owner,
            fencingToken: 1,
            attempts: Attempts(),
            isForced: false,
            journal: [],
            date: date
        )
        tx.afterCommit { [self] in
            crashPoint("workflow.started")
            state.withLock { state in
                if isClaimed { state.add(run) } else { state.addWaiting() }
            }
            wakeUp.raise()
        }
        return true
    }

    /// Starts a run for whom the call of `context` was: the user or the guest, or the calling service itself; with its trace.
    @discardableResult
    public func start<W: Workflow>(
        _ workflow: W.Type,
        id: String,
        input: W.Input,
        for context: CallContext,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        try start(
            workflow,
            id: id,
            input: input,
            for: context.principal.asked,
            trace: context.trace,
            in: tx
        )
    }

    /// Sends a signal to a run when `tx` commits, and wakes the run if it waits for it.
    ///
    /// Every signal is consumed once.
    ///
    /// - Returns: False when there is no such run or it has ended: the signal is then dropped.
    /// - Throws: `Fault` when the payload is longer than `bytesMax` or the run has `signalsLimit` signals.
    @discardableResult
    public func signal(
        run: String,
        name: String,
        payload: some Encodable & Sendable,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        let text = try bounded(try StoredJSON.text(payload))
        let rows = try tx.run(
            """
            SELECT (SELECT COUNT(*) FROM workflow_signals WHERE run = \(run)) FROM workflow_runs
            WHERE id = \(run) AND state IN ('open', 'needs_human')
            """
        )
        guard let count = try rows.first?.int(0) else { return false }
        guard count < limits.signalsLimit else {
            throw Fault(.resourceExhausted, .overloaded, "the run has too many signals")
        }
        let date = try tx.date.microseconds
        try tx.run(
            """
            INSERT INTO workflow_signals (run, seq, name, payload, at)
            VALUES (\(run), \(count + 1), \(name), \(text), \(date))
            """
        )
        try tx.run(
            """
            UPDATE workflow_runs SET wake_at = \(date), by_clock = 0
            WHERE id = \(run) AND state = 'open' AND lease_owner IS NULL AND waiting_for = \(name)
            """
        )
        tx.afterCommit { [self] in wake(run) }
        return true
    }

    /// Makes the loop poll for due runs now.
    func wake() {
        state.withLock { $0.pollSoon() }
        wakeUp.raise()
    }

    /// Makes the loop poll for due runs now, and again when this one is released.
    func wake(_ run: String) {
        state.withLock { $0.pollSoon(for: run) }
        wakeUp.raise()
    }

    private func bounded(_ text: String) throws -> String {
        guard text.utf8.count <= limits.bytesMax else {
            throw Fault(.invalidArgument, .requestTooLarge, "longer than \(limits.bytesMax) bytes")
        }
        return text
    }
}

/// A run of a workflow was started that its engine has not registered: a bug in the composition.
public struct WorkflowNotRegistered: Error, Equatable {
    public let key: String
}
