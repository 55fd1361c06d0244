import MartletCore
import ShopSimulation
import SimulatedCluster

/// The report of the worlds in which processes crash at crash points.
struct CrashReport: Report {
    let mode: CrashMode
    let seed: UInt64
    private let known: [String]
    private(set) var worlds = 0
    private(set) var soundWorlds = 0
    /// Crash points by service and deployment shape.
    private(set) var sites = 0
    private(set) var singles = 0
    private(set) var pairs = 0
    private(set) var crashes = 0
    /// The number of crashes at each point.
    private(set) var crashesByPoint: [String: Int] = [:]
    /// Names in the code that no service passes.
    private(set) var unreached: [String] = []
    /// Planned crashes that did not occur.
    private(set) var neverCame: [String] = []
    /// Pairs whose second point no process passed after the first crash.
    private(set) var secondNeverCame: [String] = []
    private(set) var isSound = false
    private(set) var findings: [Finding] = []
    private var nondeterminism = Nondeterminism()
    private(set) var realSeconds = 0.0
    let notSimulated = NotSimulated.parts
    private let start = SystemTime().now
    private var census: [DeploymentShape: [CrashSite: Int]] = [:]

    enum CodingKeys: String, CodingKey {
        case mode, seed, worlds, soundWorlds, sites, singles, pairs, crashes, crashesByPoint, unreached, neverCame
        case secondNeverCame, isSound, findings, realSeconds, notSimulated
    }

    /// - Parameter known: All names of crash points.
    init(mode: CrashMode, seed: UInt64, known: [String]) {
        self.mode = mode
        self.seed = seed
        self.known = known
    }

    /// The crashes to simulate after the census.
    var campaign: CrashCampaign { CrashCampaign(census: census) }

    /// Adds a result; returns the number of violations so far.
    mutating func add(_ result: SimulationResult) -> Int {
        worlds += 1
        if result.isSound { soundWorlds += 1 }
        nondeterminism.add(result)
        guard let plan = result.crashes else { return findings.count }
        crashes += result.fired
        for rule in plan.rules.prefix(result.fired) { crashesByPoint[rule.point, default: 0] += 1 }
        switch plan.rules.count {
        case 0:
            census[plan.topology] = result.sites
            sites += result.sites.count
        case 1: singles += 1
        default: pairs += 1
        }
        if result.fired == 0, !plan.rules.isEmpty {
            neverCame.append(plan.text)
        } else if result.fired < plan.rules.count {
            secondNeverCame.append(plan.text)
        }
        let replay = "martlet sim --seed \(seed) --crash \(plan.text)"
        findings += result.findings.map { Finding($0, crashes: plan.text, replay: replay) }
        return findings.count
    }

    mutating func close() {
        unreached = campaign.unreached(of: known)
        isSound = soundWorlds == worlds && unreached.isEmpty && neverCame.isEmpty && singles > 0
        neverCame.sort()
        secondNeverCame.sort()
        realSeconds = Double((SystemTime().now - start).milliseconds) / 1_000
    }

    /// Human-readable.
    var text: String {
        var lines = findingLines + nondeterminism.lines
        lines += unreached.map { "NEVER PASSED \($0): no world passes it" }
        lines += neverCame.map { "NEVER CRASHED \($0)" }
        if !secondNeverCame.isEmpty {
            lines.append("in \(secondNeverCame.count) pairs no process passed the second point after the first crash:")
            lines += secondNeverCame.prefix(Self.listedMax).map { "    \($0)" }
            if secondNeverCame.count > Self.listedMax { lines.append("    … see --json for the others") }
        }
        lines += [
            "", "\(soundWorlds) of \(worlds) worlds sound",
            "  sites       \(sites), of \(known.count) crash points in \(census.count) topologies",
            "  singles     \(singles) worlds, the first and the second hit of each site",
            "  pairs       \(pairs) worlds, \(pairs - secondNeverCame.count) of them with both crashes",
            "  crashes     \(crashes) in \(Int(realSeconds)) s, seed \(seed)",
            "  not simulated: \(NotSimulated.text)", "",
        ]
        return lines.joined(separator: "\n")
    }
}
