import ArgumentParser
import Console
import Foundation
import MartletTesting
import Testing

@testable import CLI

@Suite("Command line")
struct CommandLineTests {
    /// The roles of the committed topology.
    private let roles: RoleArguments
    private let folder: TemporaryFolder

    init() throws {
        roles = RoleArguments(roles: try Topology.installed.get().roles)
        folder = try TemporaryFolder()
    }

    @Test(
        "accepts the documented arguments",
        arguments: [
            ["up"], ["up", "--data", "x", "--port", "81", "--single-process", "--json"], ["down"],
            ["status", "--json"],
            ["token", "--customer", "ann"], ["token", "--merchant", "--ttl", "15m"], ["token", "--operator"],
            ["token", "--subject", "a", "--scope", "payments:read", "orders:read"],
            ["token", "--service", "orders", "--to", "catalog"],
            ["crash-points", "--json"], ["policy", "matrix"], ["policy", "matrix", "--json"],
            ["events", "topics"], ["events", "groups", "--topic", "t"],
            ["events", "remove-group", "--group", "g", "--topic", "t", "--reason", "r"], ["events", "losses", "--all"],
            ["events", "confirm-loss", "3", "--reason", "r"],
            ["events", "confirm-loss", "3", "--service", "s", "--reason", "r"], ["events", "losses", "--service", "s"],
            ["events", "parked", "list"],
            ["events", "parked", "list", "--group", "g", "--topic", "t", "--key", "k"],
            ["events", "parked", "show", "id", "--group", "g", "--topic", "t"],
            ["events", "parked", "edit", "id", "--group", "g", "--topic", "t", "--body", "f", "--reason", "r"],
            ["events", "parked", "redrive", "--all", "--reason", "r"],
            ["events", "gaps", "list", "--group", "g", "--json"],
            [
                "events", "gaps", "fill", "--group", "g", "--topic", "t", "--key", "k", "--sequence", "7", "--body",
                "f",
                "--published-at", "2026-01-31T23:59:59Z", "--reason", "r",
            ],
            ["events", "gaps", "skip", "--group", "g", "--topic", "t", "--key", "k", "--first", "6", "--reason", "r"],
            ["resend", "--service", "s", "--since", "26h", "--reason", "r"],
            [
                "resend", "start", "--service", "s", "--since", "2026-01-31T00:00:00Z", "--topic", "t", "--key", "k",
                "--rate", "10000", "--reason", "r",
            ],
            ["resend", "list", "--json"], ["resend", "stop", "3", "--service", "s", "--reason", "r"],
            ["restore", "s", "--from", "f", "--json"], ["restore", "eventlog", "--lost"],
            ["events", "late", "list"], ["events", "late", "show", "id", "--group", "g", "--topic", "t"],
            ["events", "late", "redrive", "id", "--group", "g", "--topic", "t", "--reason", "r"],
            ["events", "late", "dismiss", "id", "--group", "g", "--topic", "t", "--reason", "r"],
            ["events", "parked", "drop", "id", "--group", "g", "--topic", "t", "--reason", "r"],
            ["workflows", "list", "--state", "needs_human"], ["workflows", "show", "id"],
            ["workflows", "retry", "id", "--reason", "r"], ["workflows", "compensate", "id", "--reason", "r"],
            ["audit"], ["audit", "--service", "orders", "--limit", "200", "--json"],
            ["topology", "--topology", "f", "--json"],
        ]
    )
    func accepted(_ arguments: [String]) throws {
        let rewritten = try roles.rewritten(arguments)
        #expect(throws: Never.self) { try MartletCommand.parseAsRoot(rewritten) }
    }

    @Test(
        "refuses missing, conflicting and invalid arguments",
        arguments: [
            ["token"], ["token", "--customer", "ann", "--merchant"], ["token", "--customer", ""],
            ["token", "--service", "orders"], ["token", "--subject", "a", "--to", "orders"],
            ["token", "--subject", "a", "--scope", "service"],
            ["token", "--merchant", "--ttl", "15"], ["token", "--merchant", "--ttl", "-1h"],
            ["events", "parked", "list", "--key", "k"],
            ["events", "parked", "redrive", "--reason", "r"],
            ["events", "gaps", "skip", "--group", "g", "--topic", "t", "--key", "k"],
            [
                "events", "gaps", "skip", "--group", "g", "--topic", "t", "--key", "k", "--first", "7", "--last", "6",
                "--reason", "r",
            ],
            [
                "events", "gaps", "fill", "--group", "g", "--topic", "t", "--key", "k", "--sequence", "7", "--reason",
                "r",
            ],
            ["events", "late", "redrive", "id", "--group", "g", "--topic", "t"],
            ["restore", "--from", "f"], ["restore", "s"], ["restore", "s", "--lost"],
            ["restore", "eventlog", "--lost", "--from", "f"],
            ["resend", "start", "--since", "26h", "--reason", "r"],
            ["resend", "start", "--service", "s", "--since", "yesterday", "--reason", "r"],
            ["resend", "start", "--service", "s", "--since", "26h", "--rate", "0", "--reason", "r"],
            ["resend", "start", "--service", "s", "--since", "26h", "--rate", "10001", "--reason", "r"],
            ["events", "parked", "drop", "id", "--group", "g", "--topic", "t"],
            ["workflows", "retry", "id"], ["workflows", "retry", "id", "--reason", ""],
            ["workflows", "list", "--limit", "0"], ["workflows", "list", "--state", "lost"],
            ["audit", "--limit", "201"],
        ]
    )
    func refused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try MartletCommand.parseAsRoot(try roles.rewritten(arguments)) }
    }

    @Test("examples in the help fit into 80 columns")
    func examples() {
        var commands: [any ParsableCommand.Type] = [MartletCommand.self]
        while let command = commands.popLast() {
            let configuration = command.configuration
            commands += configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
            let examples = configuration.discussion.split(separator: "\n").filter { $0.hasPrefix("  ") }
            #expect(examples.filter { $0.count > 79 } == [], "\(command)")
        }
    }

    @Test("the help shows the defaults of flags")
    func presets() throws {
        let presets: [(any ParsableCommand.Type, String, [String])] = [
            (TokenCommand.self, "--ttl", ["1h"]),
            (WorkflowsListCommand.self, "--limit", ["50"]), (AuditCommand.self, "--limit", ["50"]),
        ]
        for (command, flag, values) in presets {
            let help = MartletCommand.helpMessage(for: command, columns: 200)
            let section = help.split(separator: "\n").drop { !$0.contains("  \(flag) ") }.joined(separator: "\n")
            for value in values { #expect(section.contains("(default: \(value))"), "\(command): \(help)") }
        }
        let list = try #require(try MartletCommand.parseAsRoot(["workflows", "list"]) as? WorkflowsListCommand)
        let audit = try #require(try MartletCommand.parseAsRoot(["audit"]) as? AuditCommand)
        #expect(list.limit == 50)
        #expect(audit.limit == 50)
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
            command: ["up"],
            flag: "--port",
            values: ["0", "-1", "65536", "99999", "abc", "1.5", "", "--json"],
            rule: "from 1 to 65535"
        ),
        WrongNumbers(
            command: ["token", "--merchant"],
            flag: "--ttl",
            values: ["-1h", "0s", "15", "h", "1.5h"],
            rule: "from 1s to 1000000d"
        ),
        WrongNumbers(
            command: ["workflows", "list"],
            flag: "--limit",
            values: ["0", "-3", "201", "all"],
            rule: "from 1 to 200"
        ),
        WrongNumbers(command: ["audit"], flag: "--limit", values: ["0", "-3", "201", "all"], rule: "from 1 to 200"),
    ]

    @Test("an invalid number is a usage error that names flag, value and range", arguments: wrongNumbers)
    func numbers(_ wrong: WrongNumbers) throws {
        for value in wrong.values {
            let error = try #require(throws: (any Error).self) {
                try MartletCommand.parseAsRoot(try roles.rewritten(wrong.command + [wrong.flag, value]))
            }
            #expect(MartletCommand.exitCode(for: error).rawValue == 64)
            let message = MartletCommand.message(for: error)
            #expect(message.contains("'\(value)'"), "\(message)")
            #expect(message.contains(wrong.flag) && message.contains(wrong.rule), "\(message)")
        }
    }

    /// `martlet up` of the mill.
    private func millUp() throws -> [String] {
        let path = folder.file("martlet.json")
        try TopologyTests.mill.write(to: URL(fileURLWithPath: path))
        return ["up", "--topology", path]
    }

    @Test(
        "a crash point that can never be reached is a usage error",
        arguments: [
            "grindd=outbox.committed:0", "grindd=outbox.comitted:1", "grindd=outbox.committed:x", "grindd",
            "mugd=outbox.committed:1", "grindd=",
        ]
    )
    func crashFlag(_ crash: String) throws {
        let up = try millUp()
        let error = try #require(throws: (any Error).self) {
            try MartletCommand.parseAsRoot(up + ["--crash", crash])
        }
        #expect(MartletCommand.exitCode(for: error).rawValue == 64)
    }

    @Test("a setting belongs to one daemon, and may contain anything behind its first equals sign")
    func settings() throws {
        let arguments =
            try millUp() + ["--set", "grindd.host=0.0.0.0", "--set", "grindd.x-y=a.b=c,--d", "--set", "grindd.e="]
        let up = try #require(try MartletCommand.parseAsRoot(arguments) as? UpCommand)
        let expected = [
            Launch.Setting(name: "host", value: "0.0.0.0"), Launch.Setting(name: "x-y", value: "a.b=c,--d"),
            Launch.Setting(name: "e", value: ""),
        ]
        #expect(try up.settingsOfDaemons() == ["grindd": expected])
    }

    @Test(
        "a setting of no daemon, or one that the command sets itself, is a usage error",
        arguments: [
            "grindd.host", "grindd=host", "mugd.host=1", ".host=1", "=1", "", "grindd.data=/", "grindd.http-port=1",
        ]
    )
    func settingFlag(_ setting: String) throws {
        let up = try millUp()
        let error = try #require(throws: (any Error).self) {
            try MartletCommand.parseAsRoot(up + ["--set", setting])
        }
        #expect(MartletCommand.exitCode(for: error).rawValue == 64)
    }

    @Test("port and crash point may come from variables; invalid values are usage errors")
    func variables() throws {
        let up = try #require(try MartletCommand.parseAsRoot(try millUp()) as? UpCommand)
        #expect(try up.settings([:]).port == 8080)
        #expect(try up.settings(["MARTLET_PORT": "81"]).port == 81)
        #expect(try up.settings(["MARTLET_CRASH": "sql.committed:2"]).crashes["grindd"] == "sql.committed:2")
        for variable in [
            ["MARTLET_PORT": "99999"], ["MARTLET_PORT": "abc"], ["MARTLET_CRASH": "sql.committed:0"],
            ["MARTLET_CRASH": "mugs:1"],
        ] {
            let failure = try #require(throws: CommandFailure.self) { try up.settings(variable) }
            #expect(failure.status.rawValue == 64)
            for (name, value) in variable {
                #expect(failure.description.contains(name) && failure.description.contains(value.prefix { $0 != ":" }))
            }
        }
    }

    @Test("unknown scopes are detected; the scopes of the roles are all known")
    func scopes() throws {
        let topology = try Topology.installed.get()
        #expect(KnownScopes.unknown(topology.roles.flatMap(\.scopes), in: topology) == [])
        #expect(KnownScopes.unknown(["payments:read", "payments:raed", ""], in: topology) == ["payments:raed", ""])
    }

    @Test("tables right-align numbers")
    func table() {
        var table = TextTable("NAME", "LAG")
        table.add("orders", "7")
        table.add("a", "123456")
        #expect(table.lines(on: Terminal()) == ["NAME       LAG", "orders       7", "a       123456"])
    }
}
