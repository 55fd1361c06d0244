package import SimulatedCluster

/// The result of one simulated world.
package struct SimulationResult: Sendable, Codable {
    package struct Finding: Sendable, Codable {
        package let invariant: String
        package let what: String
        /// The aggregate, usually an order; empty when there is none.
        package let aggregate: String
        /// The history of that aggregate, in few lines.
        package let history: [String]
    }

    /// All invariants, by number.
    package static let invariants = Invariant.allCases.map(\.rawValue)

    /// What a control must violate: otherwise the invariant checker may not detect losses, or duplicates.
    package static let ofControl = [Invariant.messageLost, .effectTwice].map(\.rawValue)

    /// The invariants of ``ofControl`` that no world of the control violated.
    ///
    /// - Parameter violated: The number of worlds that violated each invariant.
    package static func unseen(inControl violated: [String: Int]) -> [String] {
        ofControl.filter { violated[$0, default: 0] == 0 }
    }

    package let seed: UInt64
    package let orders: Int
    /// `laptop` or `cluster`.
    package let topology: String
    /// Equal for two runs in which the same happened in the same order.
    package let hash: String
    package let steps: Int
    /// Jobs that came from another thread: such a run is not deterministic.
    package internal(set) var foreignJobs: Int
    /// Jobs that escaped to an executor of the process: the same; -1 when they could not be counted.
    package internal(set) var escapedJobs = 0
    /// Virtual time without the outages.
    package let simulatedMilliseconds: Int64
    /// Virtual time of the outages.
    package let leaptMilliseconds: Int64
    /// The number of orders by final status.
    package let outcomes: [String: Int]
    package let calls: Int
    package let failedCalls: Int
    package let events: Int
    /// The enabled faults.
    package let enabled: [String]
    /// The enabled faults that had no opportunity.
    package let idle: [String]
    /// How often each fault was injected.
    package let faults: [String: Int]
    /// How often each crash point was passed.
    package let points: [String: Int]
    /// The planned crashes.
    package let crashes: CrashPlan?
    /// How many of the planned crashes occurred.
    package let fired: Int
    /// How often each service passed each crash point, when crashes were planned.
    package let sites: [CrashSite: Int]
    package let findings: [Finding]

    private enum CodingKeys: String, CodingKey {
        case seed, orders, topology, hash, steps, foreignJobs, escapedJobs, simulatedMilliseconds, leaptMilliseconds
        case outcomes, calls, failedCalls, events, enabled, idle, faults, points, crashes, sites, findings
        case fired = "sprung"
    }

    /// A world whose simulation itself failed.
    package init(failed scenario: Scenario, _ why: String) {
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

    package var isSound: Bool { findings.isEmpty && foreignJobs == 0 && escapedJobs == 0 }
}
