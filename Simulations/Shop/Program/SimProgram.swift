import ArgumentParser
import CrashList
import Foundation
import Logging
import MartletSimulation
import ShopSimulation
import SimulatedCluster

@main
struct SimProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet sim",
        abstract: "Simulates the whole shop from a seed with injected faults, and checks its invariants.",
        discussion: """
            The services are the real ones, with their real SQLite files, in one thread on virtual time: equal seeds \
            give equal runs. Network, disks, clocks, crashes and the payment provider are simulated. Not simulated: \
            \(NotSimulated.text).

            EXAMPLES
              martlet sim --seed 7                      one world, the seed chooses the faults
              martlet sim --seed 7 --faults crash,pause one world, both faults enabled
              martlet sim --seeds 1000                  a thousand worlds, on all cores
              martlet sim --seeds 100 --control         the same worlds with and without outbox and inbox
              martlet sim --crash-points single         a world for each crash point, first and second hit
              martlet sim --days 400 --orders 100       the sizes of all tables after 400 days, without faults
              martlet sim --crash-points pairs          also each pair, the second crash in the recovery from the first

            A violation prints its seed, its invariant, the history of the aggregate, and the command that replays it.

            EXIT STATUS
              0 every world was sound; 1 a world was not, an enabled fault or planned crash did not occur, or the
              control was found sound; 64 a wrong argument.
            """
    )

    private static let seedsMax = 1_000_000
    private static let daysMax = 10_000

    @Option(help: "The one seed to simulate.")
    var seed: UInt64?

    @Option(help: "How many seeds to simulate, one after another from --from.")
    var seeds: Int?

    @Option(help: "The first of many seeds.")
    var from: UInt64 = 1

    @Option(help: "The number of customers of each world, each with one order.")
    var orders: Int = 100

    @Option(help: "Which faults may happen: all, none, or names separated by commas.")
    var faults: String = "all"

    @Option(
        help: "The number of replicas of each service, 1 to \(ClusterPlan.replicasLimit); by default each seed decides."
    )
    var replicas: Int?

    @Option(help: "Crash processes at every crash point: single, or pairs.")
    var crashPoints: CrashMode?

    @Option(
        help: "Simulate one world of --crash-points, named as in its report.",
        transform: { text in
            guard let plan = CrashPlan(text) else { throw ValidationError("as in laptop:orders/outbox.committed:1") }
            return plan
        }
    )
    var crash: CrashPlan?

    @Option(help: "The number of concurrent processes.")
    var jobs: Int = ProcessInfo.processInfo.activeProcessorCount

    @Option(
        help: "Seconds after which a world without output is stopped (120, and 1 more for each 5 orders)."
    )
    var patience: Int?

    @Option(help: "Write the hash of each seed to this file.")
    var hashes: String?

    @Option(help: "Simulate this many days without faults, with --orders on each, and print the sizes of all tables.")
    var days: Int?

    @Flag(help: "Simulate each world again with a naive outbox and inbox, and print the violations of both.")
    var control = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: .hidden)
    var worker: String?

    func validate() throws {
        guard seed == nil || seeds == nil else { throw ValidationError("--seed and --seeds exclude each other") }
        guard orders >= 1, orders <= 100_000 else { throw ValidationError("--orders is 1 to 100000") }
        guard 1...Self.daysMax ~= days ?? 1 else { throw ValidationError("--days is 1 to \(Self.daysMax)") }
        guard days == nil || seeds == nil && crash == nil && crashPoints == nil else {
            throw ValidationError("--days takes one --seed, and no crashes")
        }
        guard 1...Self.seedsMax ~= seeds ?? 1 else { throw ValidationError("--seeds is 1 to \(Self.seedsMax)") }
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
        for rule in crash?.rules ?? [] where !CrashPointNames.all.contains(rule.point) {
            throw ValidationError("--crash: there is no crash point \(rule.point); see martlet crash-points")
        }
        guard 1...ClusterPlan.replicasLimit ~= replicas ?? 1 else {
            throw ValidationError("--replicas is 1 to \(ClusterPlan.replicasLimit)")
        }
        guard replicas == nil || crash == nil && crashPoints == nil && days == nil else {
            throw ValidationError("--replicas takes no crashes, and no --days")
        }
        _ = try chosen()
    }

    func run() throws {
        // What simulated processes log is no output of the simulation.
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        // Child processes inherit the setting.
        try DeterministicHashing.adopt()
        if let worker {
            return try Worker(try JSONDecoder().decode(Worker.Assignment.self, from: Data(worker.utf8))).run()
        }
        if let crashPoints { return try crash(at: crashPoints) }
        if let days { return try printSizes(after: days) }
        let (allowed, isWhole) = try chosen()
        let worlds =
            crash.map { [Scenario(seed: seed ?? from, crashing: $0)] }
            ?? (seed.map { [$0] } ?? (0..<UInt64(seeds ?? 1)).map { from + $0 }).map {
                var world = Scenario(seed: $0, orders: orders, faults: allowed, isWhole: isWhole)
                world.replicas = replicas
                return world
            }
        let shape = replicas.map { " --replicas \($0)" } ?? ""
        let arguments = crash.map { "--crash \($0.text)" } ?? "--orders \(orders) --faults \(faults)\(shape)"
        var tally = Tally(command: "martlet sim \(arguments)")
        try simulate(worlds) { result in
            tally.add(result)
            return tally.findings.count
        }
        if control { tally.control = try simulateControl(worlds) }
        tally.close()
        if let hashes { try Data(tally.hashList.utf8).write(to: URL(fileURLWithPath: hashes)) }
        try output(tally)
    }

    private func printSizes(after days: Int) throws {
        let seed = seed ?? from
        let simulation = try ShopSimulation(points: [])
        let tables = try simulation.sizes(afterDays: days, ordersPerDay: orders, seed: seed)
        let report = SizeReport(days: days, ordersPerDay: orders, seed: seed, tables: tables)
        try FileHandle.standardOutput.write(contentsOf: json ? report.json() : Data(report.text.utf8))
    }

    /// The same worlds with a naive outbox and inbox.
    private func simulateControl(_ worlds: [Scenario]) throws -> ControlColumn {
        var column = ControlColumn()
        let naive = worlds.map { world in
            var world = world
            world.variant = .naive
            return world
        }
        try simulate(naive) { result in
            column.add(result)
            return column.findings
        }
        return column
    }

    /// - Parameter handle: Called with each result; returns the number of violations so far.
    private func simulate(_ worlds: [Scenario], handle: (SimulationResult) -> Int) throws {
        let progress = Progress(of: worlds.count, isShown: isatty(STDERR_FILENO) == 1 && worlds.count > 1)
        var done = 0
        try WorkerPool(jobs: jobs, outputTimeout: patience.map { .seconds($0) }).simulate(
            Worker.Assignment(worlds: worlds, points: CrashPointNames.all)
        ) { result in
            done += 1
            progress.show(done, found: handle(result))
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
        try output(report)
    }

    private func output(_ report: some Report) throws {
        try FileHandle.standardOutput.write(contentsOf: json ? report.json() : Data(report.text.utf8))
        if !report.isSound { throw ExitCode(1) }
    }

    /// The allowed faults, and whether all of them are enabled.
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
