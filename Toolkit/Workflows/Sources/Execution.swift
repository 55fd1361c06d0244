import MartletCore
public import MartletSQL

/// A registered compensation: what undoes a step, whether it happened or not.
struct Undo: Sendable {
    let step: String
    let inputHash: String
    let body: @Sendable (StepCall) async throws -> Void
}

/// An effect in the service's own database that returns nothing.
public typealias LocalEffect = @Sendable (borrowing SQLTransaction) throws -> Void

/// The state of one execution of a run.
///
/// A value without clock, lock or database; the context adds those.
struct Execution: Sendable {
    /// Why this execution ended before its function did.
    enum Ending: Sendable {
        /// The run was released; it is due again at `until`, or at its next signal when `nil`.
        case suspended(until: Timestamp?)
        /// The run needs a human; not yet written.
        case parked(reason: String)
        /// Another owner has the run: nothing more may be written.
        case leaseLost
        /// The process shuts down; not yet released.
        case cancelled
        /// The database did not respond; the run is claimed again when its lease has ended.
        case interrupted(any Error)
        /// A test killed it.
        case killed
    }

    var journal: Journal
    private(set) var ending: Ending?
    private(set) var undos: [Undo] = []
    /// The effects that commit together with the run's completion, in order of registration.
    private(set) var completion: [LocalEffect] = []
    /// The failed attempts of the open step, at the claim and since; written when the run is released.
    var attempts: Attempts
    /// True while the open step is repeated since its callee does not respond.
    private var isStalled: Bool
    private let isForced: Bool
    private var hasCompensated = false
    private var isBusy = false

    init(_ journal: Journal, attempts: Attempts, isForced: Bool) {
        self.journal = journal
        self.attempts = attempts
        isStalled = attempts.failures > 0
        self.isForced = isForced
    }

    /// An operator ends this run: steps without a result are refused until the workflow has compensated.
    var isRefusing: Bool { isForced && !hasCompensated }

    /// True when the run was forced to its end and its own code did not compensate.
    var owesCompensation: Bool { isForced && !hasCompensated }

    /// - Throws: ``WorkflowInterrupted`` when this execution has ended, or ends by this.
    mutating func enter(
        _ step: String,
        _ kind: JournalEntry.Kind,
        inputHash: String,
        isCancelled: Bool
    ) throws(WorkflowInterrupted) -> Journal.Visit {
        if isCancelled { end(.cancelled) }
        if isBusy { end(.parked(reason: "step \(step) began inside another: steps follow one another")) }
        guard ending == nil else { throw WorkflowInterrupted() }
        do {
            let visit = try journal.visit(step, kind, inputHash: inputHash)
            if case .new = visit { attempts = Attempts() }
            isBusy = true
            return visit
        } catch {
            end(.parked(reason: "mismatch: \(error)"))
            throw WorkflowInterrupted()
        }
    }

    mutating func leave() { isBusy = false }

    /// - Returns: True when this changes something.
    mutating func setStalled(_ value: Bool) -> Bool {
        defer { isStalled = value }
        return isStalled != value
    }

    /// Only the first ending counts.
    mutating func end(_ ending: Ending) {
        if self.ending == nil { self.ending = ending }
    }

    mutating func register(_ undo: Undo) { undos.append(undo) }

    mutating func complete(with effect: @escaping LocalEffect) { completion.append(effect) }

    /// A refused step did nothing, so nothing is undone.
    mutating func forget(undoOf step: String) {
        if let last = undos.last, ExactText(last.step) == ExactText(step) { undos.removeLast() }
    }

    /// The newest compensation that has not run; `nil` when all have.
    mutating func nextUndo() -> Undo? {
        hasCompensated = true
        return undos.popLast()
    }
}
