import MartletCore

/// The runs of one engine, and when it polls for more.
///
/// A value without clock, lock or database.
struct EngineState: Sendable {
    let limits: WorkflowLimits
    private(set) var workflows: [String: RegisteredWorkflow] = [:]
    /// True while the loop runs: new runs may then be claimed on start.
    var isAccepting = false
    /// Runs started and claimed by this engine, not yet executing.
    private(set) var startedHere: [ClaimedRun] = []
    /// The executing runs.
    var active = ActiveRuns()
    /// The requests that are to start runs.
    var admission: Admission
    /// Executions of runs started here that ended within the last `completionTarget`.
    var recentEnds: RecentCount
    /// Whether the next single slot is for a run of ``startedHere``, when runs of the database are due, too.
    private var isTurnOfStarted = true
    /// Runs whose execution ended because the database was unavailable: still claimed by this engine, not executing.
    private var interruptions: [ExactText: Interruption] = [:]
    private var mustPoll = true
    /// Due runs that wait for a slot, as known to this engine; exact when no other process starts or claims runs.
    private(set) var waiting = 0
    private var nextCount: Moment?
    /// Runs that became due while they were held: a poll skips them until they are released.
    private var woken: Set<ExactText> = []
    private var nextPoll: Moment?
    private var watchers: [Int: (id: ExactText, signal: Signal)] = [:]
    private var lastWatcher = 0

    init(_ limits: WorkflowLimits) {
        self.limits = limits
        admission = Admission(queueLimit: limits.admissionQueueLimit)
        recentEnds = RecentCount(span: limits.completionTarget)
    }

    mutating func register(_ workflow: RegisteredWorkflow) {
        precondition(workflows[workflow.key] == nil, "\(workflow.key) is registered twice")
        workflows[workflow.key] = workflow
    }

    var keys: [String] { workflows.keys.sorted() }
    var freeSlots: Int { max(0, limits.concurrencyLimit - active.count) }
    /// The runs that execute or are about to.
    var held: [String] { heldRuns.sorted().map(\.text) }
    private var heldRuns: [ExactText] { active.ids + startedHere.map { ExactText($0.id) } }

    /// Whether a run that is started now is claimed at once; others wait in the database, and take turns with these.
    func claimsOnStart(_ key: String) -> Bool {
        isAccepting && open < (isStalled ? limits.concurrencyLimit : limits.waitingLimit) && workflows[key] != nil
    }

    mutating func add(_ run: ClaimedRun) { startedHere.append(run) }

    /// A run was started without a claim.
    mutating func addWaiting() {
        waiting += 1
        pollSoon()
    }

    /// The started runs for which there is a slot now.
    ///
    /// When a poll for due runs is due, too, it gets half of the slots: neither waits until the others are done.
    mutating func begin(at now: Moment) -> [ClaimedRun] {
        var slots = freeSlots
        if slots > 0, !startedHere.isEmpty, isPollDue(at: now) {
            slots = (slots + (isTurnOfStarted ? 1 : 0)) / 2
            isTurnOfStarted.toggle()
        }
        let begun = Array(startedHere.prefix(slots))
        startedHere.removeFirst(begun.count)
        for run in begun { active.add(run, isNew: true) }
        return begun
    }

    /// - Parameters:
    ///   - limit: How many could have been claimed: fewer mean that none waits.
    ///   - counted: How many still wait, if they were counted.
    mutating func claimed(_ runs: [ClaimedRun], of limit: Int, leaving counted: Int?, at now: Moment) {
        for run in runs { active.add(run, isNew: false) }
        guard runs.count == limit else { return waiting = 0 }
        if counted != nil { nextCount = now + .seconds(1) }
        waiting = counted ?? max(1, waiting - runs.count)
        pollSoon()
    }

    /// - Parameters:
    ///   - run: Has ended, or waits for something.
    ///   - now: The time.
    ///   - moment: When the run is due again, if it waits for a time.
    /// - Returns: The watchers to wake, oldest first, and the requests that are admitted now.
    mutating func ended(_ run: ClaimedRun, at now: Moment, dueAt moment: Moment?) -> [Signal] {
        let id = ExactText(run.id)
        if active.remove(run) { recentEnds.add(at: now) }
        // Only after its release: an earlier poll would skip it.
        if woken.remove(id) != nil { mustPoll = true }
        if let moment { poll(at: moment) }
        if interruptions[id]?.due == nil { interruptions[id] = nil }
        let watching = watchers.sorted { $0.key < $1.key }.filter { $0.value.id == id }.map(\.value.signal)
        return watching + admit(at: now) { _ in }
    }

    // MARK: Runs that the database interrupted

    struct Interruption: Sendable {
        /// Consecutive interruptions.
        var count = 0
        /// When it may be claimed again although its lease has not ended; `nil` while it executes.
        var due: Moment?
    }

    /// Doubles the delay with each interruption in a row, up to `longest`.
    mutating func interrupted(_ run: ClaimedRun, at now: Moment, delay: Duration, longest: Duration) {
        var interruption = interruptions[ExactText(run.id)] ?? Interruption()
        interruption.count += 1
        let backoff = Backoff(initial: min(delay, longest), maximum: longest)
        interruption.due = now + backoff.nominal(after: interruption.count)
        interruptions[ExactText(run.id)] = interruption
        pollForInterrupted()
    }

    /// The runs that may be claimed again.
    func interrupted(at now: Moment) -> [String] {
        let held = Set(heldRuns)
        return interruptions.filter { entry in
            !held.contains(entry.key) && entry.value.due.map { $0 <= now } ?? false
        }.keys.sorted().map(\.text)
    }

    mutating func claimable(_ runs: [String]) {
        for run in runs { interruptions[ExactText(run)]?.due = nil }
        pollForInterrupted()
    }

    private mutating func pollForInterrupted() {
        if let next = interruptions.values.compactMap(\.due).min() { poll(at: next) }
    }

    mutating func abandonStartedHere() -> [String] {
        defer {
            startedHere = []
            woken = []
        }
        return startedHere.map { ExactText($0.id) }.sorted().map(\.text)
    }

    // MARK: Polling for due runs

    mutating func pollSoon() { mustPoll = true }

    /// As ``pollSoon()``, because of a change to this run.
    mutating func pollSoon(for run: String) {
        mustPoll = true
        let id = ExactText(run)
        if active.contains(id) || startedHere.contains(where: { ExactText($0.id) == id }) { woken.insert(id) }
    }

    mutating func poll(at moment: Moment) { nextPoll = nextPoll.map { min($0, moment) } ?? moment }

    /// How many runs to claim now; 0 when no poll is due or no slot is free.
    mutating func beginPoll(at now: Moment) -> Int {
        guard freeSlots > 0, isPollDue(at: now) else { return 0 }
        mustPoll = false
        nextPoll = nil
        return freeSlots
    }

    private func isPollDue(at now: Moment) -> Bool { mustPoll || nextPoll.map { $0 <= now } ?? true }

    /// Whether to count the waiting runs again, which costs more than a claim.
    func isCountDue(at now: Moment) -> Bool { nextCount.map { $0 <= now } ?? true }

    enum Wait: Equatable {
        case none
        case untilSignalled
        case until(Moment)
    }

    var wait: Wait {
        guard freeSlots > 0 else { return .untilSignalled }
        guard startedHere.isEmpty, !mustPoll else { return .none }
        return nextPoll.map { .until($0) } ?? .untilSignalled
    }

    // MARK: Watchers of a run's end

    mutating func watch(_ run: String, _ signal: Signal) -> Int {
        lastWatcher += 1
        watchers[lastWatcher] = (ExactText(run), signal)
        return lastWatcher
    }

    mutating func unwatch(_ id: Int) { watchers[id] = nil }
}
