/// What came of one world.
public struct Verdict: Sendable, Codable {
    public struct Finding: Sendable, Codable {
        public let invariant: String
        public let what: String
        /// Whose history it is; empty when nobody's.
        public let aggregate: String
        /// What happened to that aggregate, as short as it can be told.
        public let history: [String]
    }

    /// All that can be found, by number.
    public static let invariants = Invariant.allCases.map(\.rawValue)

    /// What a control has to break, or the audit does not see losses, or not duplicates.
    public static let ofControl = [Invariant.messageLost, .effectTwice].map(\.rawValue)

    /// Which of ``ofControl`` no world of the control broke.
    ///
    /// - Parameter violated: Worlds that broke it, by invariant.
    public static func unseen(inControl violated: [String: Int]) -> [String] {
        ofControl.filter { violated[$0, default: 0] == 0 }
    }

    public let seed: UInt64
    public let orders: Int
    /// `laptop` or `cluster`.
    public let topology: String
    /// Equal for two runs that took the same course.
    public let hash: String
    public let steps: Int
    /// Jobs that came from another thread: such a run proves nothing.
    public internal(set) var foreignJobs: Int
    /// Jobs that went to the process's global executor: the same; -1 when nobody could look.
    public internal(set) var escapedJobs = 0
    /// In which something ran.
    public let simulatedMilliseconds: Int64
    /// In which nothing did, besides.
    public let leaptMilliseconds: Int64
    /// Orders by what became of them.
    public let outcomes: [String: Int]
    public let calls: Int
    public let failedCalls: Int
    public let events: Int
    /// What was enabled.
    public let enabled: [String]
    /// What of it never had an opportunity.
    public let idle: [String]
    /// What really happened, and how often.
    public let faults: [String: Int]
    /// Crash points that were passed.
    public let points: [String: Int]
    /// Where processes were to end.
    public let crashes: CrashPlan?
    /// How many of them did.
    public let sprung: Int
    /// What was passed by which service, when crashes were planned.
    public let sites: [CrashSite: Int]
    public let findings: [Finding]

    /// A world whose simulation itself broke.
    public init(lost scenario: Scenario, _ why: String) {
        self.init(
            seed: scenario.seed,
            orders: scenario.orders,
            topology: "",
            hash: "",
            steps: 0,
            foreignJobs: 0,
            simulatedMilliseconds: 0,
            leaptMilliseconds: 0,
            outcomes: [:],
            calls: 0,
            failedCalls: 0,
            events: 0,
            enabled: [],
            idle: [],
            faults: [:],
            points: [:],
            crashes: scenario.crashes,
            sprung: 0,
            sites: [:],
            findings: [Finding(invariant: Invariant.crashed.rawValue, what: why, aggregate: "", history: [])]
        )
    }

    init(
        seed: UInt64,
        orders: Int,
        topology: String,
        hash: String,
        steps: Int,
        foreignJobs: Int,
        simulatedMilliseconds: Int64,
        leaptMilliseconds: Int64,
        outcomes: [String: Int],
        calls: Int,
        failedCalls: Int,
        events: Int,
        enabled: [String],
        idle: [String],
        faults: [String: Int],
        points: [String: Int],
        crashes: CrashPlan?,
        sprung: Int,
        sites: [CrashSite: Int],
        findings: [Finding]
    ) {
        self.seed = seed
        self.orders = orders
        self.topology = topology
        self.hash = hash
        self.steps = steps
        self.foreignJobs = foreignJobs
        self.simulatedMilliseconds = simulatedMilliseconds
        self.leaptMilliseconds = leaptMilliseconds
        self.outcomes = outcomes
        self.calls = calls
        self.failedCalls = failedCalls
        self.events = events
        self.enabled = enabled
        self.idle = idle
        self.faults = faults
        self.points = points
        self.crashes = crashes
        self.sprung = sprung
        self.sites = sites
        self.findings = findings
    }

    public var isSound: Bool { findings.isEmpty && foreignJobs == 0 && escapedJobs == 0 }
}
