import Logging
public import MartletCore
import MartletSQL
import Synchronization

/// A workflow's access to its steps.
///
/// One per execution of a run; steps run one after another.
///
/// Every method throws ``WorkflowInterrupted`` when the execution ends at it; a workflow must let it propagate.
///
/// ```swift
/// protocol Rooms: Sendable {
///     func hold(_ room: String, _ context: CallContext) async throws
///     func release(_ room: String, _ context: CallContext) async throws
/// }
///
/// func book(_ room: String, of rooms: any Rooms, _ context: WorkflowContext) async throws -> Bool {
///     try await context.remote("hold", input: room, undo: { try await rooms.release(room, $0.context) }) { step in
///         try await rooms.hold(room, step.context)
///     }
///     guard try await context.signal("confirmation", "confirmed", timeout: .seconds(900)) != nil else {
///         try await context.compensate()
///         return false
///     }
///     try await context.local("book") { tx in try tx.run("INSERT INTO bookings (room) VALUES (\(room))") }
///     return true
/// }
/// ```
public final class WorkflowContext: Sendable {
    /// The run's id, as it was started.
    public var runID: String { run.id }
    /// For whom the run acts: its steps call other services for the same.
    public var party: Principal.Party { run.party }

    /// The crash points at which an execution stops when an observer kills it.
    ///
    /// `workflow.intent`: the intent is durable, and nothing was called, or only the first attempt has failed.
    /// `workflow.called`: the callee has responded, and the journal has no result yet; of a step whose intent is not
    /// written first, it has nothing.
    /// `workflow.journaled`: a local step or a wait is durable.
    static let boundaries: Set<String> = ["workflow.intent", "workflow.called", "workflow.journaled"]

    let run: ClaimedRun
    let tools: WorkflowTools
    let execution: Mutex<Execution>
    /// Receives true when a step begins to wait for its callee, and false when it has ended.
    let stall: @Sendable (Bool) -> Void

    init(_ run: ClaimedRun, _ tools: WorkflowTools, stall: @escaping @Sendable (Bool) -> Void) {
        self.run = run
        self.tools = tools
        self.stall = stall
        execution = Mutex(
            Execution(
                Journal(run.journal, stepsLimit: tools.limits.stepsLimit),
                attempts: run.attempts,
                isForced: run.isForced
            )
        )
    }

    // MARK: Building blocks of the steps

    func enter(_ step: String, _ kind: JournalEntry.Kind, inputHash: String) throws -> Journal.Visit {
        let isCancelled = Task.isCancelled
        return try execution.withLock { execution throws(WorkflowInterrupted) in
            try execution.enter(step, kind, inputHash: inputHash, isCancelled: isCancelled)
        }
    }

    func leave() { execution.withLock { $0.leave() } }

    func record(_ entry: JournalEntry, isWritten: Bool) {
        execution.withLock { $0.journal.record(entry, isWritten: isWritten) }
    }

    /// Ends the execution; only the first ending counts.
    func end(_ ending: Execution.Ending) -> WorkflowInterrupted {
        execution.withLock { $0.end(ending) }
        return WorkflowInterrupted()
    }

    func wait(for delay: Duration) async throws {
        do { try await tools.runtime.time.sleep(for: delay) } catch { throw end(.cancelled) }
    }

    /// The form in which `value` is journaled.
    func stored(_ value: some Encodable, of step: String) throws -> String {
        let text: String
        do { text = try StoredJSON.text(value) } catch {
            throw end(.parked(reason: "step \(step): its result cannot be stored"))
        }
        guard text.utf8.count <= tools.limits.bytesMax else {
            throw end(.parked(reason: "step \(step): its result is longer than \(tools.limits.bytesMax) bytes"))
        }
        return text
    }

    func hash(_ input: some Encodable, of step: String) throws -> String {
        if input is NoValue { return "" }
        do { return try InputHash.of(input) } catch {
            throw end(.parked(reason: "step \(step): its input cannot be stored"))
        }
    }

    /// The result of a finished step.
    func replayed<R: Decodable>(_ entry: JournalEntry, as type: R.Type) throws -> R {
        guard entry.state == .refused else {
            do { return try StoredJSON.value(type, from: entry.result ?? "null") } catch {
                throw end(.parked(reason: "mismatch: the journaled result of step \(entry.step) cannot be read"))
            }
        }
        let refusal: StoredRefusal
        do { refusal = try StoredJSON.value(StoredRefusal.self, from: entry.result ?? "") } catch {
            throw end(.parked(reason: "mismatch: the journaled refusal of step \(entry.step) cannot be read"))
        }
        if !refusal.isForced { execution.withLock { $0.forget(undoOf: entry.step) } }
        throw StepRefused(step: entry.step, fault: refusal.fault)
    }

    /// Journals the refusal with the next journal transaction, and throws it.
    func refuse<R: Decodable>(_ entry: JournalEntry, _ refusal: StoredRefusal, as type: R.Type) throws -> R {
        var entry = entry
        entry.state = .refused
        entry.result = try stored(refusal, of: entry.step)
        record(entry, isWritten: false)
        return try replayed(entry, as: type)
    }

    var isRefusing: Bool { execution.withLock { $0.isRefusing } }

    func blank(_ seq: Int, _ step: String, kind: JournalEntry.Kind, inputHash: String) -> JournalEntry {
        JournalEntry(
            seq: seq,
            step: step,
            kind: kind,
            inputHash: inputHash,
            state: .open,
            result: nil,
            generation: 0,
            // The database's clock: this process's own may be wrong by days.
            at: run.date
        )
    }
}

/// The dependencies of an execution.
struct WorkflowTools: Sendable {
    let service: String
    let database: any SQLDatabase
    let runtime: Runtime
    let limits: WorkflowLimits
    let observe: @Sendable (WorkflowEvent) -> Void
    /// True while the wall clock is not trusted, so that nothing expires by it.
    var pausesExpiry: @Sendable () -> Bool = { false }
    /// Receives how long a request waited until it was admitted.
    var observeWait: @Sendable (Duration) -> Void = { _ in }
}
