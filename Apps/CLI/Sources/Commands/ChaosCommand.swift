import ArgumentParser
import Console

struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Injects faults into daemons of the running \(Topology.systemName).",
        discussion: """
            Affects only processes that `martlet up` started on the data folder, one at a time, reports each action, \
            and waits until the daemon is ready again. No data may be lost: run a workload meanwhile to check.

            kill is SIGKILL; the supervisor restarts the daemon. pause is SIGSTOP, then SIGCONT. slow stops a daemon \
            for 80 % of each tenth of a second, so that it responds late; the network is not slowed down. cut shuts \
            down all TCP connections of a daemon, as when a link breaks; it needs the right to trace the process, \
            which its owner and root have. Faults that need a proxy, a small disk or another clock are in \
            Scripts/chaos, which starts a system of its own.

            Examples:
              martlet chaos kill DAEMON
              martlet chaos pause DAEMON --for 10s
              martlet chaos run --seed 7 --for 60s --json
            """,
        subcommands: [
            ChaosKillCommand.self, ChaosPauseCommand.self, ChaosSlowCommand.self, ChaosCutCommand.self,
            ChaosRunCommand.self, ChaosResumeCommand.self,
        ]
    )
}

struct ChaosKillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Kills a daemon (kill -9); its supervisor restarts it. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions

    func run() async throws { try await daemon.perform(.kill, length: .zero) }
}

struct ChaosPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Suspends a daemon for a while, as if its machine slept. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions
    @OptionGroup var length: ChaosLength

    func run() async throws { try await daemon.perform(.pause, length: length.value.duration) }
}

struct ChaosSlowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slow",
        abstract: "Limits a daemon to a fifth of its run time for a while. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions
    @OptionGroup var length: ChaosLength

    func run() async throws { try await daemon.perform(.slow, length: length.value.duration) }
}

struct ChaosCutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cut",
        abstract: "Shuts down all connections of a daemon. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions

    func run() async throws { try await daemon.perform(.cut, length: .zero) }
}

struct ChaosResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Continues daemons that a killed `pause` or `slow` left stopped."
    )

    @OptionGroup var data: FolderOptions

    func run() async throws {
        try await reporting {
            let resumed = try ChaosSession.executor(data.folder).resume()
            Terminal().note(resumed.isEmpty ? "no daemon was stopped" : "continued: \(resumed.joined(separator: ", "))")
        }
    }
}
