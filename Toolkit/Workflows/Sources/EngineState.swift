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
    private var hasToLook = true
    private var nextLook: Moment?
    private var watchers: [Int: (run: String, bell: Doorbell)] = [:]
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
        isAccepting && active.count + births.count < concurrencyLimit && workflows[key] != nil
    }

    mutating func born(_ run: ClaimedRun) { births.append(run) }

    /// The births that have a place now.
    mutating func begin() -> [ClaimedRun] {
        let begun = Array(births.prefix(places))
        births.removeFirst(begun.count)
        for run in begun { active[run.id] = run.fence }
        return begun
    }

    mutating func claimed(_ runs: [ClaimedRun]) {
        for run in runs { active[run.id] = run.fence }
    }

    /// - Returns: Whom to wake, in the sequence in which they came.
    mutating func ended(_ run: ClaimedRun) -> [Doorbell] {
        if active[run.id] == run.fence { active[run.id] = nil }
        return watchers.sorted { $0.key < $1.key }.filter { $0.value.run == run.id }.map(\.value.bell)
    }

    mutating func abandonBirths() -> [String] {
        defer { births = [] }
        return births.map(\.id).sorted()
    }

    // MARK: Looking for due runs

    mutating func lookSoon() { hasToLook = true }

    mutating func look(at moment: Moment) { nextLook = nextLook.map { min($0, moment) } ?? moment }

    /// How many runs to claim now; 0 when it is not time to look or there is no place.
    mutating func takeLook(at now: Moment) -> Int {
        guard places > 0, hasToLook || nextLook.map({ $0 <= now }) ?? true else { return 0 }
        hasToLook = false
        nextLook = nil
        return places
    }

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

    mutating func watch(_ run: String, _ bell: Doorbell) -> Int {
        lastWatcher += 1
        watchers[lastWatcher] = (run, bell)
        return lastWatcher
    }

    mutating func unwatch(_ id: Int) { watchers[id] = nil }
}
