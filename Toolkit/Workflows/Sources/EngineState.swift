import MartletCore

/// What one engine holds, and when it has to look for more.
///
/// No clock, lock or database in it.
struct EngineState: Sendable {
    let concurrencyLimit: Int
    private(set) var workflows: [String: RegisteredWorkflow] = [:]
    /// True while the loop runs: then a new run may be claimed at its birth.
    var isAccepting = false
    /// Committed and claimed, not yet begun.
    private var births: [ClaimedRun] = []
    /// Run id and fence of what executes.
    private var active: [String: Int] = [:]
    /// Runs whose execution ended because the database was away: still claimed by this engine, executed by nobody.
    private var interruptions: [String: Interruption] = [:]
    private var hasToLook = true
    /// Runs that are due and wait for a place, as far as this engine knows; exact when nobody else starts or claims any.
    private(set) var waiting = 0
    private var nextCount: Moment?
    /// Runs that became due while they were held, so that a look passes over them.
    private var woken: Set<String> = []
    private var nextLook: Moment?
    private var watchers: [Int: (run: String, bell: Signal)] = [:]
    private var lastWatcher = 0

    init(concurrencyLimit: Int) { self.concurrencyLimit = concurrencyLimit }

    mutating func register(_ workflow: RegisteredWorkflow) {
        precondition(workflows[workflow.key] == nil, "\(workflow.key) is registered twice")
        workflows[workflow.key] = workflow
    }

    var keys: [String] { workflows.keys.sorted() }
    var places: Int { max(0, concurrencyLimit - active.count) }
    /// What executes or is about to.
    var held: [String] { (active.keys + births.map(\.id)).sorted() }

    func claimsAtBirth(_ key: String) -> Bool {
        // Who waits comes first.
        isAccepting && waiting == 0 && active.count + births.count < concurrencyLimit && workflows[key] != nil
    }

    mutating func born(_ run: ClaimedRun) { births.append(run) }

    /// A run was born that was not claimed.
    mutating func bornToWait() {
        waiting += 1
        lookSoon()
    }

    /// The births that have a place now.
    mutating func begin() -> [ClaimedRun] {
        let begun = Array(births.prefix(places))
        births.removeFirst(begun.count)
        for run in begun { active[run.id] = run.fence }
        return begun
    }

    /// - Parameters:
    ///   - limit: How many could have been claimed: fewer mean that nothing waits.
    ///   - counted: How many wait after that, where they were counted.
    mutating func claimed(_ runs: [ClaimedRun], of limit: Int, leaving counted: Int?, at now: Moment) {
        for run in runs { active[run.id] = run.fence }
        guard runs.count == limit else { return waiting = 0 }
        if counted != nil { nextCount = now + .seconds(1) }
        waiting = counted ?? max(1, waiting - runs.count)
        lookSoon()
    }

    /// - Parameter moment: When the run is due again, if it waits for a time.
    /// - Returns: Whom to wake, in the sequence in which they came.
    mutating func ended(_ run: ClaimedRun, dueAt moment: Moment?) -> [Signal] {
        if active[run.id] == run.fence { active[run.id] = nil }
        // Not before it is held no more: a look would pass over it and be spent.
        if woken.remove(run.id) != nil { hasToLook = true }
        if let moment { look(at: moment) }
        if interruptions[run.id]?.due == nil { interruptions[run.id] = nil }
        return watchers.sorted { $0.key < $1.key }.filter { $0.value.run == run.id }.map(\.value.bell)
    }

    // MARK: Runs that the database interrupted

    struct Interruption: Sendable {
        /// In a row.
        var count = 0
        /// When it may be claimed again although its lease has not ended; `nil` while it executes.
        var due: Moment?
    }

    /// Pauses twice as long after each interruption in a row, up to `longest`.
    mutating func interrupted(_ run: ClaimedRun, at now: Moment, pause: Duration, longest: Duration) {
        var interruption = interruptions[run.id] ?? Interruption()
        interruption.count += 1
        let backoff = Backoff(least: min(pause, longest), most: longest)
        interruption.due = now + backoff.whole(after: interruption.count)
        interruptions[run.id] = interruption
        lookForInterrupted()
    }

    /// What may be claimed again.
    func interrupted(at now: Moment) -> [String] {
        let held = Set(held)
        return interruptions.filter { entry in
            !held.contains(entry.key) && entry.value.due.map { $0 <= now } ?? false
        }.keys.sorted()
    }

    mutating func claimable(_ runs: [String]) {
        for run in runs { interruptions[run]?.due = nil }
        lookForInterrupted()
    }

    private mutating func lookForInterrupted() {
        if let next = interruptions.values.compactMap(\.due).min() { look(at: next) }
    }

    mutating func abandonBirths() -> [String] {
        defer {
            births = []
            woken = []
        }
        return births.map(\.id).sorted()
    }

    // MARK: Looking for due runs

    mutating func lookSoon() { hasToLook = true }

    /// As ``lookSoon()``, because something has happened to this run.
    mutating func lookSoon(for run: String) {
        hasToLook = true
        if active[run] != nil || births.contains(where: { $0.id == run }) { woken.insert(run) }
    }

    mutating func look(at moment: Moment) { nextLook = nextLook.map { min($0, moment) } ?? moment }

    /// How many runs to claim now; 0 when it is not time to look or there is no place.
    mutating func takeLook(at now: Moment) -> Int {
        guard places > 0, hasToLook || nextLook.map({ $0 <= now }) ?? true else { return 0 }
        hasToLook = false
        nextLook = nil
        return places
    }

    /// Whether what waits is to be counted again, when some does: that costs more than a claim.
    func isCountDue(at now: Moment) -> Bool { nextCount.map { $0 <= now } ?? true }

    enum Rest: Equatable {
        case none
        case untilRung
        case until(Moment)
    }

    var rest: Rest {
        guard places > 0 else { return .untilRung }
        guard births.isEmpty, !hasToLook else { return .none }
        return nextLook.map { .until($0) } ?? .untilRung
    }

    // MARK: Who waits for a run's end

    mutating func watch(_ run: String, _ bell: Signal) -> Int {
        lastWatcher += 1
        watchers[lastWatcher] = (run, bell)
        return lastWatcher
    }

    mutating func unwatch(_ id: Int) { watchers[id] = nil }
}
