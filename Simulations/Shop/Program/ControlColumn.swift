import ShopSimulation

/// What worlds come to whose services have a naive outbox and inbox: there, the audit has to find losses and duplicates.
struct ControlColumn: Encodable {
    /// The first world that broke an invariant.
    struct Example: Encodable {
        let seed: UInt64
        let what: String
    }

    private static let nameWidth = 34
    private static let columnWidth = 9

    private(set) var worlds = 0
    private(set) var violatedWorlds = 0
    /// Worlds that broke it, by invariant.
    private(set) var violated = Dictionary(uniqueKeysWithValues: Verdict.invariants.map { ($0, 0) })
    /// All that was found.
    private(set) var findings = 0
    private(set) var examples: [String: Example] = [:]

    /// What the audit should have seen broken and did not: it would not see when Martlet breaks it, either.
    var unseen: [String] { Verdict.unseen(inControl: violated) }

    var isBlind: Bool { !unseen.isEmpty }

    mutating func add(_ verdict: Verdict) {
        worlds += 1
        findings += verdict.findings.count
        if !verdict.findings.isEmpty { violatedWorlds += 1 }
        for invariant in Set(verdict.findings.map(\.invariant)) { violated[invariant, default: 0] += 1 }
        for finding in verdict.findings where verdict.seed < examples[finding.invariant]?.seed ?? .max {
            examples[finding.invariant] = Example(seed: verdict.seed, what: finding.what)
        }
    }

    /// For people: worlds that broke each invariant, with Martlet and with the control.
    func lines(beside martlet: [String: Int]) -> [String] {
        let head = row("worlds that broke", "Martlet", "naive")
        let rows = Verdict.invariants.map { row($0, "\(martlet[$0, default: 0])", "\(violated[$0, default: 0])") }
        let all = "\(findings) findings in \(violatedWorlds) of \(worlds) worlds of the control"
        let sample = examples.sorted { ($0.value.seed, $0.key) < ($1.value.seed, $1.key) }.first.map {
            "  as in seed \($0.value.seed), \($0.key): \($0.value.what)"
        }
        let warning =
            "THE CONTROL BROKE NO \(unseen.joined(separator: ", NO ")): the audit may not see it, or too few worlds were"
        return (isBlind ? [warning + " simulated"] : []) + [head] + rows + [all] + (sample.map { [$0] } ?? [])
    }

    private func row(_ name: String, _ martlet: String, _ naive: String) -> String {
        name + pad(martlet, Self.nameWidth - name.count + Self.columnWidth) + pad(naive, Self.columnWidth)
    }

    private func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
