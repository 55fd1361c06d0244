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

            A first look, in two terminals:
              martlet up                      start the shop; Ctrl-C ends it in order
              martlet status                  what runs where, how far it is behind
              martlet sample --invoices 500 --output invoices.csv.gz
              martlet replay invoices.csv.gz  order all of it, and check every penny
              martlet token --customer ann    a token for curl

            Where it says [--json], --json prints one JSON value to standard output, and everything else goes to \
            standard error.

            Exit statuses:
              0   done
              1   failed, or a check found a difference
              3   nothing runs on this data folder
              4   something runs on this data folder already
              64  wrong use
            """,
        groupedSubcommands: [
            CommandGroup(name: "Run", subcommands: [UpCommand.self, DownCommand.self, StatusCommand.self]),
            CommandGroup(
                name: "Use",
                subcommands: [TokenCommand.self, SampleCommand.self, ImportCommand.self, ReplayCommand.self]
            ),
            CommandGroup(name: "Hurt", subcommands: [ChaosCommand.self, SimCommand.self]),
            CommandGroup(
                name: "Look and mend",
                subcommands: [
                    EventsCommand.self, WorkflowsCommand.self, AuditCommand.self, CrashPointsCommand.self,
                ]
            ),
        ]
    )
}
