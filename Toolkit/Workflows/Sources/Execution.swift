import MartletCore
public import MartletSQL

/// A registered compensation: what undoes a step, whether it happened or not.
struct Undo: Sendable {
    let step: String
    let inputHash: String
    let body: @Sendable (StepCall) async throws -> Void
}

/// An effect in the service's own database that answers nothing.
public typealias LocalEffect = @Sendable (borrowing SQLTransaction) throws -> Void

/// Where one execution of a run stands.
///
/// No clock, lock or database in it: the context wraps those around.
struct Execution: Sendable {
    /// Why this execution ended before its function did.
    enum Ending: Sendable {
        /// The run was given back; it is due again then, or at its next signal when `nil`.
        case suspended(until: Timestamp?)
        /// A human has to look; not yet written.
        case parked(reason: String)
        /// Another owner has the run: nothing more may be written.
        case leaseLost
        /// The process shuts down; not yet given back.
        case cancelled
        /// The database did not answer; the run is claimed again when its lease has ended.
        case interrupted(any Error)
        /// A test killed it.
        case killed
    }

    var journal: Journal
    private(set) var ending: Ending?
    private(set) var undos: [Undo] = []
    /// What commits together with the run's completion, in the sequence in which it was asked for.
    private(set) var completion: [LocalEffect] = []
    /// Failed attempts of the step that was open when the run was claimed, and the count so far for its release.
    var attempts: Attempts
    private let isForced: Bool
    private var hasCompensated = false
    private var isBusy = false

    init(_ journal: Journal, attempts: Attempts, isForced: Bool) {
        self.journal = journal
        self.attempts = attempts
        self.isForced = isForced
    }

    /// An operator ends this run: what has no answer yet is refused, until the workflow has compensated.
    var isRefusing: Bool { isForced && !hasCompensated }

    /// True when the run was forced to its end and its own code did not compensate.
    var owesCompensation: Bool { isForced && !hasCompensated }

    /// - Throws: ``WorkflowInterrupted`` when this execution has ended, or ends by this.
    mutating func enter(
        _ step: String,
        _ kind: JournalEntry.Kind,
        _ inputHash: String,
        isCancelled: Bool
    ) throws(WorkflowInterrupted) -> Journal.Visit {
        if isCancelled { end(.cancelled) }
        if isBusy { end(.parked(reason: "step \(step) began inside another: steps follow one another")) }
        guard ending == nil else { throw WorkflowInterrupted() }
        do {
            let visit = try journal.visit(step, kind, inputHash)
            if case .new = visit { attempts = Attempts() }
            isBusy = true
            return visit
        } catch {
            end(.parked(reason: "mismatch: \(error)"))
            throw WorkflowInterrupted()
        }
    }

    mutating func leave() { isBusy = false }

    /// The first ending stands.
    mutating func end(_ ending: Ending) {
        if self.ending == nil { self.ending = ending }
    }

    mutating func register(_ undo: Undo) { undos.append(undo) }

    mutating func complete(with effect: @escaping LocalEffect) { completion.append(effect) }

    /// A refused step did nothing, so nothing is undone.
    mutating func forget(undoOf step: String) {
        if undos.last?.step == step { undos.removeLast() }
    }

    /// The newest compensation that has not run; `nil` when all have.
    mutating func nextUndo() -> Undo? {
        hasCompensated = true
        return undos.popLast()
    }
}
