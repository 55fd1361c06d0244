import ShopSimulation

/// A violated invariant, and the command that replays it.
struct Finding: Encodable {
    /// The seed of its world; `nil`, and no member of the JSON, when all worlds have one seed.
    let seed: UInt64?
    /// The crashes of its world; `nil` when no crashes were planned.
    let crashes: String?
    let invariant: String
    let what: String
    let history: [String]
    let replay: String

    init(_ finding: SimulationResult.Finding, seed: UInt64? = nil, crashes: String? = nil, replay: String) {
        self.seed = seed
        self.crashes = crashes
        self.replay = replay
        invariant = finding.invariant
        what = finding.aggregate.isEmpty ? finding.what : "\(finding.what) (\(finding.aggregate))"
        history = finding.history
    }

    /// Human-readable.
    var lines: [String] {
        ["VIOLATION \(invariant): \(what)"] + history.map { "    \($0)" } + ["    replay: \(replay)"]
    }
}
