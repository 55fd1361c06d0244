import BuiltPrograms
import Foundation
import MartletCore
import MartletTesting
import Testing

@Suite("Kills of real processes", .enabled(if: Programs.areBuilt), .serialized)
struct KillTests {
    static let invoices = 1_500
    static let killsLimit = 12
    /// By name.
    static let daemons = HooksTests.daemons.sorted()

    @Test(
        "no order and no penny is lost while every daemon is killed in turn",
        .timeLimit(.minutes(2 * HangLimit.testMinutes))
    )
    func sampleUnderKills() async throws {
        let folder = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        let file = "\(folder).csv"
        let made = try Programs.martlet.run([
            "sample", "--seed", "11", "--invoices", "\(Self.invoices)", "--output", file,
        ])
        #expect(made.status == 0)
        try await replayUnderKills(file)
        try FileManager.default.removeItem(atPath: file)
    }

    @Test(
        "no order and no penny is lost, with real invoices",
        .enabled(if: Programs.realInvoices != nil),
        .timeLimit(.minutes(2 * HangLimit.testMinutes))
    )
    func realUnderKills() async throws {
        try await replayUnderKills(try #require(Programs.realInvoices))
    }

    private func replayUnderKills(_ file: String) async throws {
        let shop = try RunningShop()
        let replay = Programs.martlet.process(arguments(file, shop))
        let output = Pipe()
        replay.standardOutput = output
        try replay.run()
        let kills = try await killInTurn(shop, while: replay)
        let data = output.fileHandleForReading.readDataToEndOfFile()
        replay.waitUntilExit()
        let report = try JSONDecoder().decode(ReplayOutcome.self, from: data)
        #expect(kills.count >= 10, "the replay must last long enough for the kills")
        #expect(Set(kills).sorted() == Self.daemons)
        #expect(try shop.restarts() >= 10)
        #expect(!report.checks.isEmpty)
        #expect(report.holds)
        #expect(report.figuresOrigin.hasSuffix("Scripts/expected-figures"))
        #expect(report.differences.map(\.description) == [])
        #expect(replay.terminationStatus == 0)

        let again = try Programs.martlet.run(arguments(file, shop))
        let repeated = try JSONDecoder().decode(ReplayOutcome.self, from: again.output)
        #expect(again.status == 0)
        #expect(repeated.newOrders == 0)
        #expect(repeated.orders == report.orders)
        #expect(try shop.end() == 0)
    }

    private func arguments(_ file: String, _ shop: RunningShop) -> [String] {
        [
            "replay", file, "--invoices", "\(Self.invoices)", "--url", shop.url, "--data", shop.folder, "--concurrency",
            "24", "--patience", "\(HangLimit.wait.components.seconds)", "--settle",
            "\(HangLimit.wait.components.seconds)", "--json",
        ]
    }

    /// Kills one daemon after another until the replay has ended or the limit is reached.
    ///
    /// - Returns: The killed programs.
    private func killInTurn(_ shop: RunningShop, while replay: Process) async throws -> [String] {
        let programs = try shop.programs
        var kills: [String] = []
        var turn = 0
        while replay.isRunning, kills.count < Self.killsLimit {
            // Lets the last one become busy.
            try await SystemTime().sleep(for: .milliseconds(500))
            guard replay.isRunning else { break }
            let program = programs[turn % programs.count]
            turn += 1
            let restarts = try shop.restarts(of: program)
            guard try shop.kill(program) else { continue }
            kills.append(program)
            try await Poll.until("\(program) to be ready again") {
                try shop.restarts(of: program) > restarts && shop.isReady(program) ? true : nil
            }
        }
        return kills
    }
}
