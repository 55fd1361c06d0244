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
        ]
    )
    func refused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try MartletCommand.parseAsRoot(arguments) }
    }

    @Test("writes tables whose numbers stand right")
    func table() {
        var table = TextTable("NAME", "LAG")
        table.add("orders", "7")
        table.add("a", "123456")
        #expect(table.lines(on: Terminal()) == ["NAME       LAG", "orders       7", "a       123456"])
    }
}
