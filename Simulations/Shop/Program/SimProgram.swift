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
            courses. Network, disks, clocks, crashes and the payment provider are simulated. Not simulated: sockets, HTTP/2, \
            PostgreSQL, NATS.

            EXAMPLES
              martlet sim --seed 7                      one world, every fault allowed
              martlet sim --seed 7 --faults crash,pause one world, both faults for certain
              martlet sim --seeds 1000                  a thousand worlds, on all cores
              martlet sim --seeds 100 --control         the same worlds with and without outbox and inbox

            A violation prints its seed, its invariant, the story of what broke it, and the command that replays it.

            EXIT STATUS
              0 every world was sound, 1 one was not, a fault never happened or the control was found sound, 64 a wrong argument.
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

    @Option(help: "Processes that simulate at the same time.")
    var jobs: Int = ProcessInfo.processInfo.activeProcessorCount

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
        _ = try chosen()
    }

    func run() throws {
        // Children get it from here.
        try DeterministicHashing.adopt()
        if let worker {
            return try Worker(try JSONDecoder().decode(Worker.Order.self, from: Data(worker.utf8))).run()
        }
        let (allowed, isWhole) = try chosen()
        let wanted = seed.map { [$0] } ?? (0..<UInt64(seeds ?? 1)).map { from + $0 }
        let order = Worker.Order(
            seeds: wanted,
            orders: orders,
            faults: allowed,
            isWhole: isWhole,
            points: CrashPointNames.all
        )
        var tally = Tally(command: "martlet sim --orders \(orders) --faults \(faults)")
        let progress = Progress(of: wanted.count, isShown: isatty(STDERR_FILENO) == 1 && wanted.count > 1)
        try Crew(jobs: jobs).simulate(order) { verdict in
            tally.add(verdict)
            progress.show(tally.worlds, found: tally.findings.count)
        }
        progress.end()
        if control { tally.control = try column(order) }
        tally.close()
        if let hashes { try Data(tally.hashList.utf8).write(to: URL(fileURLWithPath: hashes)) }
        try FileHandle.standardOutput.write(contentsOf: json ? tally.json() : Data(tally.text.utf8))
        if !tally.isSound { throw ExitCode(1) }
    }

    /// The same worlds with a naive outbox and inbox.
    private func column(_ order: Worker.Order) throws -> ControlColumn {
        var (naive, column) = (order, ControlColumn())
        naive.variant = .naive
        let progress = Progress(of: order.seeds.count, isShown: isatty(STDERR_FILENO) == 1 && order.seeds.count > 1)
        try Crew(jobs: jobs).simulate(naive) { verdict in
            column.add(verdict)
            progress.show(column.worlds, found: column.findings)
        }
        progress.end()
        return column
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
