import MartletCore

@testable import MartletWorkflows

/// An engine's state with requests that start runs, and runs that end at a fixed rate: in steps of a millisecond.
struct EngineModel {
    static let step = Duration.milliseconds(1)
    /// From a request's admission to the start of its run.
    static let requestTime = Duration.milliseconds(20)
    /// How long a run keeps its slot while its callee does not respond, and how long it is suspended then.
    static let slotTime = Duration.seconds(5)
    static let suspension = Duration.seconds(30)

    private struct Waiting {
        let waiter: Admission.Waiter
        let id: String
        let latest: Moment
    }

    private(set) var state: EngineState
    private(set) var now = Moment(nanoseconds: 0)
    /// The runs that end in a second.
    let rate: Int
    /// Whether the callee responds.
    var isDown = false
    /// When runs were started, by id.
    private(set) var started: [String: Moment] = [:]
    /// From start to end, by id.
    private(set) var durations: [String: Duration] = [:]
    private(set) var refused: [String] = []
    private let limits: WorkflowLimits
    private var credit = 0
    private var requests: [(id: String, startsAt: Moment)] = []
    private var waiting: [Waiting] = []
    private var active: [(run: ClaimedRun, since: Moment, isStalled: Bool)] = []
    private var due: [ClaimedRun] = []
    private var suspended: [(run: ClaimedRun, until: Moment)] = []

    init(rate: Int, limits: WorkflowLimits = WorkflowLimits()) {
        self.rate = rate
        self.limits = limits
        state = EngineState(limits)
        state.register(RegisteredWorkflow(Scripted { input, _ in input }))
        state.isAccepting = true
    }

    /// The runs that have not ended.
    var openIDs: [String] { started.keys.filter { durations[$0] == nil } }

    /// Of the runs that were started since a moment and have ended, the longest of `permille` of them.
    func duration(_ permille: Int, since moment: Moment = Moment(nanoseconds: 0)) -> Duration {
        let found = durations.filter { started[$0.key].map { $0 >= moment } ?? false }.values.sorted()
        return found.isEmpty ? .zero : found[min(found.count - 1, found.count * permille / 1_000)]
    }

    /// A request of `caller`.
    mutating func send(_ id: String, by caller: String) {
        switch state.enter(ExactText(caller), at: now) {
        case .admitted: admit(id)
        case .refused: refused.append(id)
        case .waits(let waiter): waiting.append(Waiting(waiter: waiter, id: id, latest: now + limits.admissionWaitMax))
        }
    }

    /// Advances time by `duration`, with this number of requests in each second, each of another caller.
    mutating func run(for duration: Duration, requestsPerSecond: Int = 0) {
        let end = now + duration
        var owed = 0
        while now < end {
            owed += requestsPerSecond
            while owed >= 1_000 {
                owed -= 1_000
                let number = started.count + requests.count + waiting.count + refused.count
                send("\(number)", by: "\(number)")
            }
            advance()
        }
    }

    mutating func advance() {
        now = now + Self.step
        startAdmitted()
        refuseLate()
        wakeSuspended()
        fillSlots()
        serve()
    }

    private mutating func admit(_ id: String) { requests.append((id, now + Self.requestTime)) }

    private mutating func startAdmitted() {
        let starting = requests.filter { $0.startsAt <= now }
        requests.removeAll { $0.startsAt <= now }
        for request in starting {
            started[request.id] = now
            if state.claimsOnStart("scripted@1") {
                state.add(Self.run(request.id))
            } else {
                state.addWaiting()
                due.append(Self.run(request.id))
            }
            raise(state.admit(at: now) { $0.admission.end() })
        }
    }

    private mutating func raise(_ signals: [Signal]) {
        for signal in signals {
            guard let index = waiting.firstIndex(where: { $0.waiter.signal === signal }) else { continue }
            let request = waiting.remove(at: index)
            if state.admission.decide(request.waiter) { admit(request.id) } else { refused.append(request.id) }
        }
    }

    private mutating func refuseLate() {
        for request in waiting.filter({ $0.latest <= now }) {
            _ = state.admission.decide(request.waiter)
            refused.append(request.id)
        }
        waiting.removeAll { $0.latest <= now }
    }

    private mutating func wakeSuspended() {
        due += suspended.filter { $0.until <= now }.map(\.run)
        suspended.removeAll { $0.until <= now }
    }

    private mutating func fillSlots() {
        // As the loop does; twice, so that what one side does not need the other one gets.
        for _ in 1...2 {
            for run in state.begin(at: now) { active.append((run, now, false)) }
            let limit = state.beginPoll(at: now)
            guard limit > 0 else { continue }
            let claimed = Array(due.prefix(limit))
            due.removeFirst(claimed.count)
            state.claimed(claimed, of: limit, leaving: due.count, at: now)
            for run in claimed { active.append((run, now, run.attempts.failures > 0)) }
            state.poll(at: suspended.map(\.until).min() ?? now + limits.pollInterval)
        }
    }

    private mutating func serve() {
        guard !isDown else { return stall() }
        for index in active.indices where active[index].isStalled {
            active[index].isStalled = false
            let run = active[index].run
            raise(state.admit(at: now) { $0.active.set(run, isStalled: false) })
        }
        credit = min(credit + rate, 1_000 + rate)
        while credit >= 1_000, !active.isEmpty {
            credit -= 1_000
            let run = active.removeFirst().run
            durations[run.id] = started[run.id].map { now - $0 }
            raise(state.ended(run, at: now, dueAt: nil))
        }
    }

    /// The callee does not respond: steps are repeated for a while, then runs are suspended.
    private mutating func stall() {
        for index in active.indices where !active[index].isStalled {
            active[index].isStalled = true
            let run = active[index].run
            raise(state.admit(at: now) { $0.active.set(run, isStalled: true) })
        }
        let leaving = active.filter { $0.since + Self.slotTime <= now }.map(\.run)
        active.removeAll { $0.since + Self.slotTime <= now }
        for run in leaving {
            let until = now + Self.suspension
            suspended.append((Self.run(run.id, failures: 1), until))
            raise(state.ended(run, at: now, dueAt: until))
        }
    }

    private static func run(_ id: String, failures: Int = 0) -> ClaimedRun {
        ClaimedRun(
            id: id,
            workflow: Scripted.name,
            version: Scripted.version,
            input: "",
            party: .itself,
            trace: nil,
            owner: "o",
            fencingToken: 1,
            attempts: Attempts(failures: failures),
            isForced: false,
            journal: [],
            date: Timestamp(seconds: 0)
        )
    }
}
