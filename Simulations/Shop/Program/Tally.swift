import MartletCore
import ShopSimulation

/// The report of many worlds.
struct Tally: Report {
    private(set) var worlds = 0
    private(set) var soundWorlds = 0
    private(set) var orders = 0
    private(set) var outcomes: [String: Int] = [:]
    private(set) var calls = 0
    private(set) var failedCalls = 0
    private(set) var events = 0
    private(set) var steps = 0
    private(set) var simulatedSeconds = 0.0
    /// Virtual time of the outages.
    private(set) var leaptSeconds = 0.0
    private(set) var foreignJobs = 0
    /// Worlds in which escaping jobs could not be counted.
    private(set) var unwatched = 0
    private var nondeterminism = Nondeterminism()
    /// The number of worlds with each fault enabled.
    private(set) var enabled: [String: Int] = [:]
    /// The number of worlds in which an enabled fault had no opportunity.
    private(set) var idle: [String: Int] = [:]
    private(set) var faults: [String: Int] = [:]
    private(set) var crashPoints: [String: Int] = [:]
    private(set) var findings: [Finding] = []
    /// The number of worlds that violated each invariant.
    private(set) var violated = Dictionary(uniqueKeysWithValues: SimulationResult.invariants.map { ($0, 0) })
    /// The results of the same worlds with a naive outbox and inbox, when requested.
    var control: ControlColumn?
    /// The hash of all hashes, sorted by seed.
    private(set) var hash = ""
    /// Faults that were enabled and never injected; a single small world may have no opportunity for one.
    private(set) var neverHappened: [String] = []
    private(set) var isSound = false
    private var hashes: [UInt64: String] = [:]
    private let command: String
    private let start = SystemTime().now
    private(set) var realSeconds = 0.0
    let notSimulated = NotSimulated.parts

    enum CodingKeys: String, CodingKey {
        case worlds, soundWorlds, isSound, orders, outcomes, calls, failedCalls, events, steps, simulatedSeconds
        case leaptSeconds, foreignJobs, unwatched, enabled, idle, faults, neverHappened, crashPoints, findings, violated
        case control, hash, realSeconds, notSimulated
    }

    /// - Parameter command: The command that replays a world, without its seed.
    init(command: String) { self.command = command }

    /// Lines of `seed hash`, sorted by seed.
    var hashList: String { hashes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined() }

    mutating func add(_ result: SimulationResult) {
        worlds += 1
        if result.isSound { soundWorlds += 1 }
        orders += result.orders
        calls += result.calls
        failedCalls += result.failedCalls
        events += result.events
        steps += result.steps
        simulatedSeconds += Double(result.simulatedMilliseconds) / 1_000
        leaptSeconds += Double(result.leaptMilliseconds) / 1_000
        nondeterminism.add(result)
        (foreignJobs, unwatched) = (nondeterminism.jobs, nondeterminism.unwatched)
        outcomes.merge(result.outcomes, uniquingKeysWith: +)
        faults.merge(result.faults, uniquingKeysWith: +)
        crashPoints.merge(result.points, uniquingKeysWith: +)
        for fault in result.enabled { enabled[fault, default: 0] += 1 }
        for fault in result.idle { idle[fault, default: 0] += 1 }
        hashes[result.seed] = result.hash
        for invariant in Set(result.findings.map(\.invariant)) { violated[invariant, default: 0] += 1 }
        let replay = "\(command) --seed \(result.seed)"
        findings += result.findings.map { Finding($0, seed: result.seed, replay: replay) }
        realSeconds = Double((SystemTime().now - start).milliseconds) / 1_000
    }

    mutating func close() {
        var all = FNV1a()
        all.add(hashList)
        hash = all.value.hexadecimal
        neverHappened = enabled.keys.filter { faults[$0] == nil && (worlds > 1 || idle[$0] == nil) }.sorted()
        isSound = soundWorlds == worlds && neverHappened.isEmpty && control?.isBlind != true
    }

    /// Human-readable.
    var text: String {
        var lines = findingLines + nondeterminism.lines
        for fault in neverHappened {
            lines.append("NEVER INJECTED \(fault): it was enabled in \(enabled[fault] ?? 0) worlds")
        }
        if let control { lines += [""] + control.lines(alongside: violated) }
        lines += [
            "", "\(soundWorlds) of \(worlds) worlds sound",
            "  orders      \(orders): \(list(outcomes))",
            "  calls       \(calls), \(failedCalls) of them failed; \(events) events",
            "  time        \(Int(simulatedSeconds)) s simulated in \(Int(realSeconds)) s; \(steps) steps",
            "  faults      \(list(faults))",
        ]
        if leaptSeconds > 0 { lines.append("  outages     \(Int(leaptSeconds / 86_400)) days, in which nothing ran") }
        if !idle.isEmpty { lines.append("  no chance   \(list(idle))") }
        lines += [
            "  hash        \(hash)",
            "  not simulated: \(NotSimulated.text)", "",
        ]
        return lines.joined(separator: "\n")
    }

    private func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}
