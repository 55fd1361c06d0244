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

    /// Values of a flag that a command must refuse.
    struct WrongNumbers: Sendable {
        let command: [String]
        let flag: String
        let values: [String]
        /// The range that the error states.
        let rule: String
    }

    static let wrongNumbers: [WrongNumbers] = [
        WrongNumbers(
            command: ["sample", "--invoices", "1"],
            flag: "--seed",
            values: ["-1", "seven", "18446744073709551616"],
            rule: "from 0 to 18446744073709551615"
        ),
        WrongNumbers(
            command: ["sample"],
            flag: "--invoices",
            values: ["0", "-2", "ten", "10000001"],
            rule: "from 1 to 10000000"
        ),
        WrongNumbers(
            command: ["import", "f"],
            flag: "--invoices",
            values: ["0", "-5", "all"],
            rule: "from 1 to 10000000"
        ),
        WrongNumbers(
            command: ["replay", "f"],
            flag: "--invoices",
            values: ["0", "-5", "all"],
            rule: "from 1 to 10000000"
        ),
        WrongNumbers(
            command: ["replay", "f"],
            flag: "--concurrency",
            values: ["0", "-1", "1025", "many"],
            rule: "from 1 to 1024"
        ),
        WrongNumbers(
            command: ["replay", "f"],
            flag: "--settle",
            values: ["0", "-1", "86401", "5s"],
            rule: "from 1 to 86400"
        ),
        WrongNumbers(
            command: ["replay", "f"],
            flag: "--patience",
            values: ["-1", "86401", "soon"],
            rule: "from 0 to 86400"
        ),
        WrongNumbers(
            command: ["import", "f"],
            flag: "--stock-factor",
            values: ["-1", "101", "0.0001", "half"],
            rule: "from 0 to 100"
        ),
    ]

    @Test("an invalid number is a usage error that names flag, value and range", arguments: wrongNumbers)
    func numbers(_ wrong: WrongNumbers) throws {
        for value in wrong.values {
            let error = try #require(throws: (any Error).self) {
                try RetailCommand.parseAsRoot(wrong.command + [wrong.flag, value])
            }
            #expect(RetailCommand.exitCode(for: error).rawValue == 64)
            let message = RetailCommand.message(for: error)
            #expect(message.contains("'\(value)'"), "\(message)")
            #expect(message.contains(wrong.flag) && message.contains(wrong.rule), "\(message)")
        }
    }
}
