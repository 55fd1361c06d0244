import BuiltPrograms
import CrashList
import Foundation
import Testing

/// What `martlet-sim --json` prints, as far as the tests look.
private struct SimulatedWorlds: Decodable {
    let worlds: Int
    let soundWorlds: Int
    let isSound: Bool
    let hash: String
    let foreignJobs: Int
    let outcomes: [String: Int]
    let faults: [String: Int]
    let violated: [String: Int]
    let findings: [Finding]
    let control: Control?

    struct Finding: Decodable {
        let seed: Int
        let invariant: String
        let what: String
    }

    struct Control: Decodable {
        let worlds: Int
        let violated: [String: Int]
    }
}

/// What `martlet-sim --crash-points` prints, as far as the tests look.
private struct CrashedWorlds: Decodable {
    let worlds: Int
    let soundWorlds: Int
    let sites: Int
    let singles: Int
    let unreached: [String]
    let neverCame: [String]
    let crashesByPoint: [String: Int]
}

@Suite("Worlds of the simulated shop", .enabled(if: Program(built: "martlet-sim").isThere))
struct ShopTests {
    private let program = Program(built: "martlet-sim")

    private func simulate(_ arguments: String...) throws -> (status: Int32, worlds: SimulatedWorlds, words: String) {
        let ended = try program.run(arguments + ["--json"])
        return (ended.status, try JSONDecoder().decode(SimulatedWorlds.self, from: ended.output), ended.words)
    }

    @Test("are sound with every fault, and take the same courses in other processes")
    func soundAndEqual() throws {
        let first = try simulate("--seeds", "24", "--orders", "12")
        #expect(first.worlds.soundWorlds == 24, "\(first.words)")
        #expect(first.worlds.foreignJobs == 0)
        #expect(first.worlds.outcomes["completed", default: 0] > 50)
        for fault in ["crash", "crashPoint", "powerLoss", "pause", "partition", "answerLost", "deliveryReordered"] {
            #expect(first.worlds.faults[fault, default: 0] > 0, "\(fault) never happened")
        }
        let second = try simulate("--seeds", "24", "--orders", "12", "--jobs", "1")
        #expect(second.worlds.hash == first.worlds.hash)
    }

    /// Each change of the simulation gives a seed another course; what was wrong is said beside it.
    @Test(
        "stay sound where something was found before",
        arguments: [
            // An edit of an operator came twice, and a call to redrive between.
            "827", "928",
            // A line came into a cart after it was ordered, and the key was forgotten when the customer came again.
            "1757",
            // A failed fsync had closed a database when an outage came, and its outbox forgot before the audit looked.
            "1059",
            // The computers fell asleep while a request was on its way to the provider, which had forgotten its key when it came.
            "5411",
        ]
    )
    func found(seed: String) throws {
        let ended = try simulate("--seed", seed, "--orders", "100", "--faults", "all")
        #expect(ended.status == 0, "\(ended.words)")
    }

    @Test("take one checkout through all services on equal courses", arguments: 1...4)
    func oneCheckout(seed: Int) throws {
        let (first, second) = (
            try simulate("--seed", "\(seed)", "--orders", "1", "--faults", "none"),
            try simulate("--seed", "\(seed)", "--orders", "1", "--faults", "none")
        )
        #expect(first.worlds.hash == second.worlds.hash)
        #expect(first.worlds.soundWorlds == 1 && first.worlds.foreignJobs == 0, "\(first.words)")
        #expect(first.worlds.outcomes.values.reduce(0, +) == 1)
        #expect(first.worlds.faults.isEmpty)
    }

    @Test("take other courses for other seeds")
    func otherSeeds() throws {
        let hashes = try (1...4).map {
            try simulate("--seed", "\($0)", "--orders", "4", "--faults", "none").worlds.hash
        }
        #expect(Set(hashes).count == 4)
    }

    @Test("have every fault that was asked for by name", arguments: ["1", "2", "3", "4"])
    func named(seed: String) throws {
        let worlds = try simulate("--seed", seed, "--orders", "10", "--faults", "databaseConflict,deliveryRepeated")
            .worlds
        #expect(worlds.faults["databaseConflict", default: 0] > 0)
        #expect(worlds.faults["deliveryRepeated", default: 0] > 0)
    }

    @Test("lose, repeat and mix up events without outbox and inbox, and only then")
    func control() throws {
        let ended = try simulate("--seeds", "16", "--orders", "8", "--control")
        #expect(ended.status == 0, "\(ended.words)")
        let control = try #require(ended.worlds.control)
        #expect(control.worlds == 16)
        for invariant in ["I8 no message lost", "I9 effect once", "I10 order per key"] {
            #expect(control.violated[invariant, default: 0] > 0, "\(invariant) held without outbox and inbox")
            #expect(ended.worlds.violated[invariant] == 0)
        }
    }

    @Test("fail when the audit finds nothing in the control")
    func blindControl() throws {
        // Without faults, even what is naive is sound.
        let ended = try simulate("--seed", "1", "--orders", "1", "--faults", "none", "--control")
        #expect(ended.status == 1)
        #expect(ended.worlds.soundWorlds == 1)
        #expect(ended.worlds.control?.violated.values.allSatisfy { $0 == 0 } == true)
    }

    @Test("have what the seed enables, however small they are", arguments: 1...8)
    func small(seed: Int) throws {
        let ended = try simulate("--seed", "\(seed)", "--orders", "2", "--faults", "all")
        #expect(ended.status == 0, "\(ended.words)")
    }

    @Test("go on without the one whose process is killed, and are not sound")
    func killed() throws {
        let worlds = try spoilt(by: SIGKILL, "--seeds", "4", "--orders", "100", "--jobs", "1")
        #expect(worlds.findings.map(\.what) == ["the process that simulated it ended with \(SIGKILL)"])
    }

    @Test("go on without the one that makes no progress, and are not sound")
    func stuck() throws {
        let worlds = try spoilt(by: SIGSTOP, "--seeds", "4", "--orders", "1", "--jobs", "1", "--patience", "10")
        #expect(worlds.findings.map(\.what) == ["no end was in sight: it was given up"])
    }

    /// What four worlds come to when the first process that simulates them gets a signal.
    private func spoilt(by signal: Int32, _ arguments: String...) throws -> SimulatedWorlds {
        let (process, output) = (program.process(arguments + ["--json"]), Pipe())
        process.standardOutput = output
        try process.run()
        let children = "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children"
        var worker: pid_t?
        while worker == nil, process.isRunning {
            let known = (try? String(contentsOfFile: children, encoding: .utf8)) ?? ""
            worker = known.split(separator: " ").first.flatMap { pid_t($0) }
            let words = worker.flatMap { try? String(contentsOfFile: "/proc/\($0)/cmdline", encoding: .utf8) }
            // Before that it is not yet itself.
            if words?.contains("--worker") != true { worker = nil }
        }
        kill(try #require(worker), signal)
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let worlds = try JSONDecoder().decode(SimulatedWorlds.self, from: said)
        #expect(process.terminationStatus == 1)
        #expect(!worlds.isSound)
        #expect(worlds.worlds == 4 && worlds.soundWorlds == 3)
        #expect(worlds.findings.map(\.invariant) == ["I14 no crash of its own"])
        return worlds
    }

    @Test("lose nothing at any crash point of any service, first and second hit")
    func crashPoints() throws {
        let ended = try program.run(["--crash-points", "single", "--json"])
        let report = try JSONDecoder().decode(CrashedWorlds.self, from: ended.output)
        #expect(ended.status == 0, "\(ended.words)")
        #expect(report.soundWorlds == report.worlds)
        #expect(report.singles == 2 * report.sites && report.sites > 100)
        #expect(report.unreached == [] && report.neverCame == [])
        #expect(report.crashesByPoint.count == CrashPointNames.all.count)
    }

    @Test("refuse a crash point that does not exist, by its name")
    func wrongPoint() throws {
        let ended = try program.run(["--crash", "laptop:orders/mugs.broken:1"])
        #expect(ended.status == 64)
        #expect(ended.words.contains("there is no crash point mugs.broken"))
    }

    @Test("refuse seeds beyond the last")
    func wrongSeeds() throws {
        let ended = try program.run(["--seeds", "10", "--from", "\(UInt64.max - 3)"])
        #expect(ended.status == 64)
        #expect(ended.words.contains("there are not so many seeds after it"))
    }

    @Test("refuse a fault that does not exist, by its name")
    func wrongFault() throws {
        let ended = try program.run(["--seed", "1", "--faults", "crash,thunder"])
        #expect(ended.status == 64)
        #expect(ended.words.contains("there is no fault thunder"))
    }
}
