import ArgumentParser
import Testing

@testable import CLI

@Suite("The command line")
struct CommandLineTests {
    @Test(
        "takes what its help says",
        arguments: [
            ["up"], ["up", "--data", "x", "--port", "81", "--single-process", "--json"], ["down"],
            ["status", "--json"],
            ["token", "--customer", "ann"], ["token", "--merchant", "--ttl", "15m"], ["token", "--operator"],
            ["token", "--subject", "a", "--scope", "payments:read", "orders:read"], ["token", "--service", "orders"],
            ["sample", "--seed", "1", "--invoices", "10", "-o", "-"], ["crash-points", "--json"],
            ["events", "topics"], ["events", "groups", "--topic", "t"], ["events", "parked", "list"],
            ["events", "parked", "list", "--group", "g", "--topic", "t", "--key", "k"],
            ["events", "parked", "show", "id", "--group", "g", "--topic", "t"],
            ["events", "parked", "edit", "id", "--group", "g", "--topic", "t", "--body", "f", "--reason", "r"],
            ["events", "parked", "redrive", "--all", "--reason", "r"],
            ["events", "parked", "drop", "id", "--group", "g", "--topic", "t", "--reason", "r"],
            ["workflows", "list", "--state", "needs_human"], ["workflows", "show", "id"],
            ["workflows", "retry", "id", "--reason", "r"], ["workflows", "compensate", "id", "--reason", "r"],
            ["audit"], ["audit", "--service", "orders", "--limit", "200", "--json"],
        ]
    )
    func accepted(_ arguments: [String]) throws {
        #expect(throws: Never.self) { try MartletCommand.parseAsRoot(arguments) }
    }

    @Test(
        "refuses what would do something else than was meant",
        arguments: [
            ["token"], ["token", "--customer", "ann", "--merchant"], ["token", "--customer", ""],
            ["token", "--merchant", "--ttl", "15"], ["token", "--merchant", "--ttl", "-1h"],
            ["sample", "--invoices", "0"], ["events", "parked", "list", "--key", "k"],
            ["events", "parked", "redrive", "--reason", "r"],
            ["events", "parked", "drop", "id", "--group", "g", "--topic", "t"],
            ["workflows", "retry", "id"], ["workflows", "retry", "id", "--reason", ""],
            ["workflows", "list", "--limit", "0"], ["workflows", "list", "--state", "lost"],
            ["audit", "--limit", "201"],
        ]
    )
    func refused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try MartletCommand.parseAsRoot(arguments) }
    }

    @Test("shows examples that a terminal of 80 columns does not break")
    func examples() {
        var commands: [any ParsableCommand.Type] = [MartletCommand.self]
        while let command = commands.popLast() {
            let configuration = command.configuration
            commands += configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
            let examples = configuration.discussion.split(separator: "\n").filter { $0.hasPrefix("  ") }
            #expect(examples.filter { $0.count > 79 } == [], "\(command)")
        }
    }

    @Test("says in its help what holds without a flag")
    func presets() throws {
        let presets: [(any ParsableCommand.Type, String, [String])] = [
            (SampleCommand.self, "--seed", ["1"]), (TokenCommand.self, "--ttl", ["1h"]),
            (WorkflowsListCommand.self, "--limit", ["50"]), (AuditCommand.self, "--limit", ["50"]),
            (ReplayCommand.self, "--concurrency", ["32", "1", "300", "120"]),
            (ImportCommand.self, "--stock-factor", ["1", "120"]),
        ]
        for (command, flag, values) in presets {
            let help = MartletCommand.helpMessage(for: command, columns: 200)
            let told = help.split(separator: "\n").drop { !$0.contains("  \(flag) ") }.joined(separator: "\n")
            for value in values { #expect(told.contains("(default: \(value))"), "\(command): \(help)") }
        }
        let replay = try #require(try MartletCommand.parseAsRoot(["replay", "f"]) as? ReplayCommand)
        #expect([replay.concurrency, replay.settle, replay.shop.patience] == [32, 300, 120])
        #expect(replay.stockFactor == .full)
        let list = try #require(try MartletCommand.parseAsRoot(["workflows", "list"]) as? WorkflowsListCommand)
        let audit = try #require(try MartletCommand.parseAsRoot(["audit"]) as? AuditCommand)
        #expect([list.limit, audit.limit] == [50, 50])
    }

    @Test("writes tables whose numbers stand right")
    func table() {
        var table = TextTable("NAME", "LAG")
        table.add("orders", "7")
        table.add("a", "123456")
        #expect(table.lines(on: Terminal()) == ["NAME       LAG", "orders       7", "a       123456"])
    }
}
