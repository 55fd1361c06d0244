import MartletCore
import ShopSimulation

/// What many worlds come to.
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
    /// In which nothing ran, besides.
    private(set) var leaptSeconds = 0.0
    private(set) var foreignJobs = 0
    /// Worlds of which nobody could tell.
    private(set) var unwatched = 0
    private var escapes = Escapes()
    /// Worlds that had the fault enabled, by fault.
    private(set) var enabled: [String: Int] = [:]
    /// Worlds in which it had no opportunity, by fault.
    private(set) var idle: [String: Int] = [:]
    private(set) var faults: [String: Int] = [:]
    private(set) var crashPoints: [String: Int] = [:]
    private(set) var findings: [Finding] = []
    /// Worlds that broke it, by invariant.
    private(set) var violated = Dictionary(uniqueKeysWithValues: Verdict.invariants.map { ($0, 0) })
    /// What the same worlds came to with a naive outbox and inbox, when that was asked for.
    var control: ControlColumn?
    /// Of all hashes, in the sequence of the seeds.
    private(set) var hash = ""
    /// Faults that some world enabled and that happened in none; one small world alone may have no opportunity for one.
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

    /// - Parameter command: What replays a world, but for its seed.
    init(command: String) { self.command = command }

    /// `seed hash` in lines, by seed.
    var hashList: String { hashes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined() }

    mutating func add(_ verdict: Verdict) {
        worlds += 1
        if verdict.isSound { soundWorlds += 1 }
        orders += verdict.orders
        calls += verdict.calls
        failedCalls += verdict.failedCalls
        events += verdict.events
        steps += verdict.steps
        simulatedSeconds += Double(verdict.simulatedMilliseconds) / 1_000
        leaptSeconds += Double(verdict.leaptMilliseconds) / 1_000
        escapes.add(verdict)
        (foreignJobs, unwatched) = (escapes.jobs, escapes.unwatched)
        outcomes.merge(verdict.outcomes, uniquingKeysWith: +)
        faults.merge(verdict.faults, uniquingKeysWith: +)
        crashPoints.merge(verdict.points, uniquingKeysWith: +)
        for fault in verdict.enabled { enabled[fault, default: 0] += 1 }
        for fault in verdict.idle { idle[fault, default: 0] += 1 }
        hashes[verdict.seed] = verdict.hash
        for invariant in Set(verdict.findings.map(\.invariant)) { violated[invariant, default: 0] += 1 }
        let replay = "\(command) --seed \(verdict.seed)"
        findings += verdict.findings.map { Finding($0, seed: verdict.seed, replay: replay) }
        realSeconds = Double((SystemTime().now - start).milliseconds) / 1_000
    }

    mutating func close() {
        var all = FNV1a()
        all.add(hashList)
        hash = all.value.hexadecimal
        neverHappened = enabled.keys.filter { faults[$0] == nil && (worlds > 1 || idle[$0] == nil) }.sorted()
        isSound = soundWorlds == worlds && neverHappened.isEmpty && control?.isBlind != true
    }

    /// For people.
    var text: String {
        var lines = findingLines + escapes.lines
        for fault in neverHappened {
            lines.append("NEVER HAPPENED \(fault): it was enabled in \(enabled[fault] ?? 0) worlds")
        }
        if let control { lines += [""] + control.lines(beside: violated) }
        lines += [
            "", "\(soundWorlds) of \(worlds) worlds sound",
            "  orders      \(orders): \(list(outcomes))",
            "  calls       \(calls), \(failedCalls) of them failed; \(events) events",
            "  time        \(Int(simulatedSeconds)) s simulated in \(Int(realSeconds)) s; \(steps) steps",
            "  faults      \(list(faults))",
        ]
        if leaptSeconds > 0 { lines.append("  days        \(Int(leaptSeconds / 86_400)) more, in which nothing ran") }
        if !idle.isEmpty { lines.append("  no occasion \(list(idle))") }
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
