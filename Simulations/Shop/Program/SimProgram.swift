import ArgumentParser
import CrashList
import Foundation
import MartletSimulation
import ShopSimulation

@main
struct SimProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet sim",
        abstract: "Simulates the whole shop from a seed while everything goes wrong, and judges it from outside.",
        discussion: """
            The services are the real ones, with their real SQLite files, in one thread on virtual time: equal seeds take equal \
            courses. Network, disks, clocks, crashes and the payment provider are simulated. Not simulated: \
            \(NotSimulated.text).

            EXAMPLES
              martlet sim --seed 7                      one world, every fault allowed
              martlet sim --seed 7 --faults crash,pause one world, both faults for certain
              martlet sim --seeds 1000                  a thousand worlds, on all cores
              martlet sim --seeds 100 --control         the same worlds with and without outbox and inbox
              martlet sim --crash-points single         a world for each crash point of each service, first and second hit
              martlet sim --crash-points pairs          and for each pair of them, the second in the recovery from the first

            A violation prints its seed, its invariant, the story of what broke it, and the command that replays it.

            EXIT STATUS
              0 every world was sound, 1 one was not, a fault or crash point never came or the control was found sound, 64 a wrong
              argument.
            """
    )

    private static let seedsLimit = 1_000_000

    @Option(help: "The one seed to simulate.")
    var seed: UInt64?

    @Option(help: "How many seeds to simulate, one after another from --from.")
    var seeds: Int?

    @Option(help: "The first of many seeds.")
    var from: UInt64 = 1

    @Option(help: "Customers of each world, each with one order.")
    var orders: Int = 100

    @Option(help: "Which faults may happen: all, none, or names separated by commas.")
    var faults: String = "all"

    @Option(help: "Let processes end at every crash point: single, or pairs.")
    var crashPoints: CrashMode?

    @Option(
        help: "The one world of --crash-points in which processes end there, as its report names it.",
        transform: { text in
            guard let plan = CrashPlan(text) else { throw ValidationError("as in laptop:orders/outbox.committed:1") }
            return plan
        }
    )
    var crash: CrashPlan?

    @Option(help: "Processes that simulate at the same time.")
    var jobs: Int = ProcessInfo.processInfo.activeProcessorCount

    @Option(
        help: "Seconds after which a world is given up whose end is not in sight (120, and 1 more for each 5 orders)."
    )
    var patience: Int?

    @Option(help: "Write what each seed came to, with its hash, to this file.")
    var hashes: String?

    @Flag(help: "Simulate each world again with a naive outbox and inbox, and print what the audit finds in both.")
    var control = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: .hidden)
    var worker: String?

    func validate() throws {
        guard seed == nil || seeds == nil else { throw ValidationError("--seed and --seeds exclude each other") }
        guard orders >= 1, orders <= 100_000 else { throw ValidationError("--orders is 1 to 100000") }
        guard 1...Self.seedsLimit ~= seeds ?? 1 else { throw ValidationError("--seeds is 1 to \(Self.seedsLimit)") }
        guard from <= UInt64.max - UInt64(seeds ?? 1) else {
            throw ValidationError("--from \(from): there are not so many seeds after it")
        }
        guard jobs >= 1, jobs <= 64 else { throw ValidationError("--jobs is 1 to 64") }
        guard patience ?? 1 >= 1 else { throw ValidationError("--patience is at least 1 s") }
        guard crash == nil && crashPoints == nil || seeds == nil else {
            throw ValidationError("--crash-points and --crash take one --seed")
        }
        guard crash == nil || crashPoints == nil else {
            throw ValidationError("--crash-points and --crash exclude each other")
        }
        for trap in crash?.traps ?? [] where !CrashPointNames.all.contains(trap.point) {
            throw ValidationError("--crash: there is no crash point \(trap.point); see martlet crash-points")
        }
        _ = try chosen()
    }

    func run() throws {
        // Children get it from here.
        try DeterministicHashing.adopt()
        if let worker {
            return try Worker(try JSONDecoder().decode(Worker.Order.self, from: Data(worker.utf8))).run()
        }
        if let crashPoints { return try crash(at: crashPoints) }
        let (allowed, isWhole) = try chosen()
        let worlds =
            crash.map { [Scenario(seed: seed ?? from, crashing: $0)] }
            ?? (seed.map { [$0] } ?? (0..<UInt64(seeds ?? 1)).map { from + $0 }).map {
                Scenario(seed: $0, orders: orders, faults: allowed, isWhole: isWhole)
            }
        let words = crash.map { "--crash \($0.text)" } ?? "--orders \(orders) --faults \(faults)"
        var tally = Tally(command: "martlet sim \(words)")
        try simulate(worlds) { verdict in
            tally.add(verdict)
            return tally.findings.count
        }
        if control { tally.control = try column(worlds) }
        tally.close()
        if let hashes { try Data(tally.hashList.utf8).write(to: URL(fileURLWithPath: hashes)) }
        try tell(tally)
    }

    /// The same worlds with a naive outbox and inbox.
    private func column(_ worlds: [Scenario]) throws -> ControlColumn {
        var column = ControlColumn()
        let naive = worlds.map { world in
            var world = world
            world.variant = .naive
            return world
        }
        try simulate(naive) { verdict in
            column.add(verdict)
            return column.findings
        }
        return column
    }

    /// - Parameter take: Called with each verdict; answers how many violations were found so far.
    private func simulate(_ worlds: [Scenario], take: (Verdict) -> Int) throws {
        let progress = Progress(of: worlds.count, isShown: isatty(STDERR_FILENO) == 1 && worlds.count > 1)
        var done = 0
        try Crew(jobs: jobs, patience: patience.map { .seconds($0) }).simulate(
            Worker.Order(worlds: worlds, points: CrashPointNames.all)
        ) { verdict in
            done += 1
            progress.show(done, found: take(verdict))
        }
        progress.end()
    }

    private func crash(at mode: CrashMode) throws {
        let seed = seed ?? from
        var report = CrashReport(mode: mode, seed: seed, known: CrashPointNames.all)
        try simulate(CrashCampaign.censuses.map { Scenario(seed: seed, crashing: $0) }) { report.add($0) }
        let campaign = report.campaign
        let plans = mode == .single ? campaign.singles : campaign.singles + campaign.pairs
        try simulate(plans.map { Scenario(seed: seed, crashing: $0) }) { report.add($0) }
        report.close()
        try tell(report)
    }

    private func tell(_ report: some Report) throws {
        try FileHandle.standardOutput.write(contentsOf: json ? report.json() : Data(report.text.utf8))
        if !report.isSound { throw ExitCode(1) }
    }

    /// The faults, and whether each of them must happen.
    private func chosen() throws -> (Set<SimulatedFault>, isWhole: Bool) {
        switch faults {
        case "all": return (Set(SimulatedFault.allCases), false)
        case "none": return ([], true)
        default:
            let names = faults.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            let found = try names.map { name in
                guard let fault = SimulatedFault(rawValue: name) else {
                    let known = SimulatedFault.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("--faults: there is no fault \(name); there are \(known)")
                }
                return fault
            }
            return (Set(found), true)
        }
    }
}
