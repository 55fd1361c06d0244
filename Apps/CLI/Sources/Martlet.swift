import ArgumentParser

/// The command line.
public enum Martlet {
    /// Reads the arguments of this process, does what they say, and ends the process with its status when that failed.
    public static func main() async { await MartletCommand.main() }
}

struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Runs a shop on this machine, shows what it does, and mends it.",
        discussion: """
            Start with `martlet up`: it runs every service in a process of its own, with its data under ./martlet-data. \
            Everything else finds the running shop through that folder; --data or MARTLET_DATA names another.

            A first look:
              martlet up                                     start; Ctrl-C ends everything in order
              martlet sample --seed 1 --invoices 500 -o invoices.csv.gz
              martlet status                                 what runs where, and how far it is behind
              martlet token --customer ann                   a token for curl

            Exit statuses: 0 done, 1 failed or a difference was found, 3 nothing runs, 4 runs already, 64 wrong use.
            """,
        groupedSubcommands: [
            CommandGroup(name: "Run", subcommands: [UpCommand.self, DownCommand.self, StatusCommand.self]),
            CommandGroup(
                name: "Use",
                subcommands: [TokenCommand.self, SampleCommand.self, ImportCommand.self, ReplayCommand.self]
            ),
            CommandGroup(
                name: "Look and mend",
                subcommands: [EventsCommand.self, WorkflowsCommand.self, CrashPointsCommand.self]
            ),
        ]
    )
}
