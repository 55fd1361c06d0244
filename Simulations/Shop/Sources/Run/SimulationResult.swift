public import SimulatedCluster

/// The result of one simulated world.
public struct SimulationResult: Sendable, Codable {
    public struct Finding: Sendable, Codable {
        public let invariant: String
        public let what: String
        /// The aggregate, usually an order; empty when there is none.
        public let aggregate: String
        /// The history of that aggregate, in few lines.
        public let history: [String]
    }

    /// All invariants, by number.
    public static let invariants = Invariant.allCases.map(\.rawValue)

    /// What a control must violate: otherwise the invariant checker may not detect losses, or duplicates.
    public static let ofControl = [Invariant.messageLost, .effectTwice].map(\.rawValue)

    /// The invariants of ``ofControl`` that no world of the control violated.
    ///
    /// - Parameter violated: The number of worlds that violated each invariant.
    public static func unseen(inControl violated: [String: Int]) -> [String] {
        ofControl.filter { violated[$0, default: 0] == 0 }
    }

    public let seed: UInt64
    public let orders: Int
    /// `laptop` or `cluster`.
    public let topology: String
    /// Equal for two runs in which the same happened in the same order.
    public let hash: String
    public let steps: Int
    /// Jobs that came from another thread: such a run is not deterministic.
    public internal(set) var foreignJobs: Int
    /// Jobs that escaped to an executor of the process: the same; -1 when they could not be counted.
    public internal(set) var escapedJobs = 0
    /// Virtual time without the outages.
    public let simulatedMilliseconds: Int64
    /// Virtual time of the outages.
    public let leaptMilliseconds: Int64
    /// The number of orders by final status.
    public let outcomes: [String: Int]
    public let calls: Int
    public let failedCalls: Int
    public let events: Int
    /// The enabled faults.
    public let enabled: [String]
    /// The enabled faults that had no opportunity.
    public let idle: [String]
    /// How often each fault was injected.
    public let faults: [String: Int]
    /// How often each crash point was passed.
    public let points: [String: Int]
    /// The planned crashes.
    public let crashes: CrashPlan?
    /// How many of the planned crashes occurred.
    public let fired: Int
    /// How often each service passed each crash point, when crashes were planned.
    public let sites: [CrashSite: Int]
    public let findings: [Finding]

    private enum CodingKeys: String, CodingKey {
        case seed, orders, topology, hash, steps, foreignJobs, escapedJobs, simulatedMilliseconds, leaptMilliseconds
        case outcomes, calls, failedCalls, events, enabled, idle, faults, points, crashes, sites, findings
        case fired = "sprung"
    }

    /// A world whose simulation itself failed.
    public init(failed scenario: Scenario, _ why: String) {
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
            fired: 0,
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
        fired: Int,
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
        self.fired = fired
        self.sites = sites
        self.findings = findings
    }

    public var isSound: Bool { findings.isEmpty && foreignJobs == 0 && escapedJobs == 0 }
}
