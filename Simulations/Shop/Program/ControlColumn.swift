import ShopSimulation

/// The results of the control, with a naive outbox and inbox: there the invariant checker must find losses and
/// duplicates.
struct ControlColumn: Encodable {
    /// The first world that violated an invariant.
    struct Example: Encodable {
        let seed: UInt64
        let what: String
    }

    private static let nameWidth = 34
    private static let columnWidth = 9

    private(set) var worlds = 0
    private(set) var violatedWorlds = 0
    /// The number of worlds that violated each invariant.
    private(set) var violated = Dictionary(uniqueKeysWithValues: SimulationResult.invariants.map { ($0, 0) })
    /// All violations.
    private(set) var findings = 0
    private(set) var examples: [String: Example] = [:]

    /// Invariants that the control must violate and did not: the checker might not detect them with Martlet either.
    var unseen: [String] { SimulationResult.unseen(inControl: violated) }

    var isBlind: Bool { !unseen.isEmpty }

    mutating func add(_ result: SimulationResult) {
        worlds += 1
        findings += result.findings.count
        if !result.findings.isEmpty { violatedWorlds += 1 }
        for invariant in Set(result.findings.map(\.invariant)) { violated[invariant, default: 0] += 1 }
        for finding in result.findings where result.seed < examples[finding.invariant]?.seed ?? .max {
            examples[finding.invariant] = Example(seed: result.seed, what: finding.what)
        }
    }

    /// Human-readable: the number of worlds that violated each invariant, with Martlet and with the control.
    func lines(alongside martlet: [String: Int]) -> [String] {
        let head = row("worlds that violated", martlet: "Martlet", naive: "naive")
        let rows = SimulationResult.invariants.map {
            row($0, martlet: "\(martlet[$0, default: 0])", naive: "\(violated[$0, default: 0])")
        }
        let all = "\(findings) findings in \(violatedWorlds) of \(worlds) worlds of the control"
        let sample = examples.sorted { ($0.value.seed, $0.key) < ($1.value.seed, $1.key) }.first.map {
            "  as in seed \($0.value.seed), \($0.key): \($0.value.what)"
        }
        let warning =
            "THE CONTROL VIOLATED NO \(unseen.joined(separator: ", NO ")): the invariant checker may not detect it, "
            + "or too few worlds were simulated"
        return (isBlind ? [warning] : []) + [head] + rows + [all] + (sample.map { [$0] } ?? [])
    }

    private func row(_ name: String, martlet: String, naive: String) -> String {
        name + pad(martlet, Self.nameWidth - name.count + Self.columnWidth) + pad(naive, Self.columnWidth)
    }

    private func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
