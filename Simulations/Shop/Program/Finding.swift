import ShopSimulation

/// A broken invariant, and what leads there again.
struct Finding: Encodable {
    /// Of its world; `nil`, and no member of the JSON, where all worlds have one seed.
    let seed: UInt64?
    /// The crashes of its world, where worlds differ in these.
    let crashes: String?
    let invariant: String
    let what: String
    let history: [String]
    let replay: String

    init(_ finding: Verdict.Finding, seed: UInt64? = nil, crashes: String? = nil, replay: String) {
        self.seed = seed
        self.crashes = crashes
        self.replay = replay
        invariant = finding.invariant
        what = finding.aggregate.isEmpty ? finding.what : "\(finding.what) (\(finding.aggregate))"
        history = finding.history
    }

    /// For people.
    var lines: [String] {
        ["VIOLATION \(invariant): \(what)"] + history.map { "    \($0)" } + ["    replay: \(replay)"]
    }
}
