import ArgumentParser
import Console

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Shows who may call what.",
        subcommands: [MatrixCommand.self]
    )

    struct MatrixCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "matrix",
            abstract: "Shows for each method which users and which services may call it.",
            discussion: """
                As the contracts state it; of endpoints beside contracts, the topology. USERS is a scope, ANYBODY or NOBODY. Below a service is for whom it may call: \
                itself, users or guests; - for none.

                Examples:
                  martlet policy matrix
                  martlet policy matrix --json | jq '.rows[] | select(.users == "NOBODY")'
                """
        )

        @OptionGroup var system: TopologyOptions

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            try await reporting {
                let terminal = Terminal()
                let matrix = PolicyMatrix(try system.topology())
                if json { return try terminal.json(matrix) }
                var table = TextTable(columns: ["METHOD", "USERS"] + matrix.services.map { $0.uppercased() })
                for row in matrix.rows {
                    let names = [row.method, row.users] + row.services.map { $0.isEmpty ? "-" : $0 }
                    table.add(row: names.map { TextTable.Cell($0) })
                }
                table.write(to: terminal)
            }
        }
    }
}
