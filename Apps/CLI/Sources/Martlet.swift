import ArgumentParser

/// The command line.
public enum Martlet {
    /// Runs the command in this process's arguments; on failure the process exits with the command's status.
    public static func main() async { await MartletCommand.main() }
}

struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Runs a shop on this machine, inspects it, and repairs it.",
        discussion: """
            Start with `martlet up`: it runs every service in its own process, with its data under ./martlet-data. \
            The other commands find the running shop through that folder; --data or MARTLET_DATA names another.

            A first session, in two terminals:
              martlet up                      start the shop; Ctrl-C shuts it down
              martlet status                  processes, readiness and consumer lag
              martlet sample --invoices 500 --output invoices.csv.gz
              martlet replay invoices.csv.gz  place all orders, reconcile every penny
              martlet token --customer ann    a token for curl

            With --json a command prints one JSON value to standard output and everything else to standard error.

            Exit statuses:
              0   success
              1   failure, or a check found a difference
              3   no shop runs on this data folder
              4   a shop already runs on this data folder
              64  usage error
            """,
        groupedSubcommands: [
            CommandGroup(name: "Run", subcommands: [UpCommand.self, DownCommand.self, StatusCommand.self]),
            CommandGroup(
                name: "Use",
                subcommands: [TokenCommand.self, SampleCommand.self, ImportCommand.self, ReplayCommand.self]
            ),
            CommandGroup(name: "Inject faults", subcommands: [ChaosCommand.self, SimCommand.self]),
            CommandGroup(
                name: "Inspect and repair",
                subcommands: [
                    EventsCommand.self, WorkflowsCommand.self, AuditCommand.self, CrashPointsCommand.self,
                ]
            ),
        ]
    )
}
