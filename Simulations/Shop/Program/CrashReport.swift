import MartletCore
import ShopSimulation

/// What became of the worlds in which processes ended at crash points.
struct CrashReport: Report {
    let mode: CrashMode
    let seed: UInt64
    private let known: [String]
    private(set) var worlds = 0
    private(set) var soundWorlds = 0
    /// A crash point as a service passes it in one topology.
    private(set) var sites = 0
    private(set) var singles = 0
    private(set) var pairs = 0
    private(set) var crashes = 0
    /// How often processes ended at each point.
    private(set) var crashesByPoint: [String: Int] = [:]
    /// Names in the code that no service passes.
    private(set) var unreached: [String] = []
    /// Where a process was to end, and none passed.
    private(set) var neverCame: [String] = []
    /// Pairs whose second point nobody passed any more after the first crash.
    private(set) var secondNeverCame: [String] = []
    private(set) var isSound = false
    private(set) var findings: [Finding] = []
    private var escapes = Escapes()
    private(set) var realSeconds = 0.0
    let notSimulated = NotSimulated.parts
    private let start = SystemTime().now
    private var census: [Topology: [CrashSite: Int]] = [:]

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

    /// What is left to do after the census.
    var campaign: CrashCampaign { CrashCampaign(census: census) }

    /// Answers how many violations were found so far.
    mutating func add(_ verdict: Verdict) -> Int {
        worlds += 1
        if verdict.isSound { soundWorlds += 1 }
        escapes.add(verdict)
        guard let plan = verdict.crashes else { return findings.count }
        crashes += verdict.sprung
        for trap in plan.traps.prefix(verdict.sprung) { crashesByPoint[trap.point, default: 0] += 1 }
        switch plan.traps.count {
        case 0:
            census[plan.topology] = verdict.sites
            sites += verdict.sites.count
        case 1: singles += 1
        default: pairs += 1
        }
        if verdict.sprung == 0, !plan.traps.isEmpty {
            neverCame.append(plan.text)
        } else if verdict.sprung < plan.traps.count {
            secondNeverCame.append(plan.text)
        }
        let replay = "martlet sim --seed \(seed) --crash \(plan.text)"
        findings += verdict.findings.map { Finding($0, crashes: plan.text, replay: replay) }
        return findings.count
    }

    mutating func close() {
        unreached = campaign.unreached(of: known)
        isSound = soundWorlds == worlds && unreached.isEmpty && neverCame.isEmpty && singles > 0
        neverCame.sort()
        secondNeverCame.sort()
        realSeconds = Double((SystemTime().now - start).milliseconds) / 1_000
    }

    /// For people.
    var text: String {
        var lines = findingLines + escapes.lines
        lines += unreached.map { "NEVER PASSED \($0): no world leads there" }
        lines += neverCame.map { "NEVER CAME \($0)" }
        if !secondNeverCame.isEmpty {
            lines.append("in \(secondNeverCame.count) pairs nobody passed the second point after the first crash:")
            lines += secondNeverCame.prefix(Self.toldLimit).map { "    \($0)" }
            if secondNeverCame.count > Self.toldLimit { lines.append("    … see --json for the others") }
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
