import ArgumentParser
import Console

/// The command line.
package enum Martlet {
    /// Runs the command in this process's arguments; on failure the process exits with the command's status.
    package static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do throws(CommandFailure) {
            try await main(arguments)
        } catch {
            Terminal().note("Error: \(error.description)")
            MartletCommand.exit(withError: error.status)
        }
    }

    private static func main(_ arguments: [String]) async throws(CommandFailure) {
        switch Topology.installed {
        case .success(let topology):
            try SystemCommand(arguments, in: topology)?.replaceThisProcess(in: try Programs.folder())
            await MartletCommand.main(try RoleArguments(roles: topology.roles).rewritten(arguments))
        case .failure(let failure):
            // A command that needs no topology works without one; a command of the system is unknown without it.
            guard let name = arguments.first, !name.hasPrefix("-"), !MartletCommand.names.contains(name) else {
                return await MartletCommand.main(arguments)
            }
            throw failure
        }
    }
}

struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Runs a \(Topology.systemName) on this machine, inspects it, and repairs it.",
        discussion: """
            Start with `martlet up`: it runs every service in its own process, with its data under ./martlet-data. \
            The other commands find the running \(Topology.systemName) through that folder; --data or MARTLET_DATA \
            names another. What runs is described by martlet.json, beside the programs or above them.

            A first session, in two terminals:
            \(session)
            \(commands)
            With --json a command prints one JSON value to standard output and everything else to standard error.

            Exit statuses:
              0   success
              1   failure, or a check found a difference
              3   no \(Topology.systemName) runs on this data folder
              4   a \(Topology.systemName) already runs on this data folder
              64  usage error
            """,
        groupedSubcommands: [
            CommandGroup(name: "Run", subcommands: [UpCommand.self, DownCommand.self, StatusCommand.self]),
            CommandGroup(
                name: "Use",
                subcommands: [
                    TokenCommand.self, KeysCommand.self, TopologyCommand.self, PolicyCommand.self,
                ]
            ),
            CommandGroup(name: "Inject faults", subcommands: [ChaosCommand.self]),
            CommandGroup(
                name: "Inspect and repair",
                subcommands: [
                    EventsCommand.self, ResendCommand.self, RestoreCommand.self, WorkflowsCommand.self,
                    AuditCommand.self, CrashPointsCommand.self,
                ]
            ),
        ]
    )

    /// The names of its subcommands.
    static var names: [String] {
        ["help"] + configuration.groupedSubcommands.flatMap(\.subcommands).compactMap { $0.configuration.commandName }
    }

    private static var session: String {
        let examples = (try? Topology.installed.get().examples) ?? []
        return HelpList.text(
            [
                (left: "martlet up", right: "start the \(Topology.systemName); Ctrl-C shuts it down"),
                (left: "martlet status", right: "processes, readiness and consumer lag"),
            ] + examples.map { (left: $0.command, right: $0.about) }
        )
    }

    /// The commands that other programs run; empty when there are none.
    private static var commands: String {
        let commands = (try? Topology.installed.get().commands) ?? []
        guard !commands.isEmpty else { return "" }
        let list = HelpList.text(commands.map { (left: $0.name, right: $0.about) })
        return "\nCommands of the \(Topology.systemName); `martlet COMMAND --help` shows their options:\n\(list)\n"
    }
}
