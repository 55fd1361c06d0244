import ArgumentParser
import Testing

@testable import Retail

@Suite("Commands of martlet-retail")
struct RetailCommandTests {
    @Test(
        "accept the documented arguments",
        arguments: [
            ["sample", "--seed", "1", "--invoices", "10", "-o", "-"],
            ["replay", "f", "--topology", "t", "--data", "d", "--json"],
        ]
    )
    func accepted(_ arguments: [String]) {
        #expect(throws: Never.self) { try RetailCommand.parseAsRoot(arguments) }
    }

    @Test("refuse a sample without invoices")
    func refused() {
        #expect(throws: (any Error).self) { try RetailCommand.parseAsRoot(["sample", "--invoices", "0"]) }
    }

    @Test("examples in the help fit into 80 columns")
    func examples() {
        for command in RetailCommand.configuration.subcommands {
            let examples = command.configuration.discussion.split(separator: "\n").filter { $0.hasPrefix("  ") }
            #expect(examples.filter { $0.count > 79 } == [], "\(command)")
        }
    }

    @Test("the help shows the defaults of flags")
    func presets() throws {
        let presets: [(any ParsableCommand.Type, String, [String])] = [
            (SampleCommand.self, "--seed", ["1"]),
            (ReplayCommand.self, "--concurrency", ["32", "1", "300", "120"]),
            (ImportCommand.self, "--stock-factor", ["1", "120"]),
        ]
        for (command, flag, values) in presets {
            let help = RetailCommand.helpMessage(for: command, columns: 200)
            let section = help.split(separator: "\n").drop { !$0.contains("  \(flag) ") }.joined(separator: "\n")
            for value in values { #expect(section.contains("(default: \(value))"), "\(command): \(help)") }
        }
        let replay = try #require(try RetailCommand.parseAsRoot(["replay", "f"]) as? ReplayCommand)
        #expect([replay.concurrency, replay.settle, replay.shop.patience] == [32, 300, 120])
        #expect(replay.stockFactor == .full)
    }

    static let wrongNumbers: [(command: [String], flag: String, values: [String], rule: String)] = [
        (
            ["sample", "--invoices", "1"], "--seed", ["-1", "seven", "18446744073709551616"],
            "from 0 to 18446744073709551615"
        ),
        (["sample"], "--invoices", ["0", "-2", "ten", "10000001"], "from 1 to 10000000"),
        (["import", "f"], "--invoices", ["0", "-5", "all"], "from 1 to 10000000"),
        (["replay", "f"], "--invoices", ["0", "-5", "all"], "from 1 to 10000000"),
        (["replay", "f"], "--concurrency", ["0", "-1", "1025", "many"], "from 1 to 1024"),
        (["replay", "f"], "--settle", ["0", "-1", "86401", "5s"], "from 1 to 86400"),
        (["replay", "f"], "--patience", ["-1", "86401", "soon"], "from 0 to 86400"),
        (["import", "f"], "--stock-factor", ["-1", "101", "0.0001", "half"], "from 0 to 100"),
    ]

    @Test("an invalid number is a usage error that names flag, value and range", arguments: wrongNumbers)
    func numbers(_ command: [String], _ flag: String, _ values: [String], _ rule: String) throws {
        for value in values {
            let error = try #require(throws: (any Error).self) {
                try RetailCommand.parseAsRoot(command + [flag, value])
            }
            #expect(RetailCommand.exitCode(for: error).rawValue == 64)
            let message = RetailCommand.message(for: error)
            #expect(message.contains("'\(value)'") && message.contains(flag) && message.contains(rule), "\(message)")
        }
    }
}
