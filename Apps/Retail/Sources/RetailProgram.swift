import ArgumentParser

/// `martlet-retail`: invoices as a workload of the shop.
///
/// `martlet sample`, `import` and `replay` run it.
package enum RetailProgram {
    /// Runs the command in this process's arguments; on failure the process exits with the command's status.
    package static func main() async { await RetailCommand.main() }
}

struct RetailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet-retail",
        abstract: "Generates invoices, and places them as orders in a running shop.",
        discussion: """
            `martlet sample`, `martlet import` and `martlet replay` are the same commands. They find the running shop \
            through its data folder; --data or MARTLET_DATA names it, --url a shop on another machine.
            """,
        subcommands: [SampleCommand.self, ImportCommand.self, ReplayCommand.self]
    )
}
