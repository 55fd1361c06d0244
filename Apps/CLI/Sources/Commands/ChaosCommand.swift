import ArgumentParser

struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kills, pauses, slows and cuts daemons of the running shop.",
        discussion: """
            Touches only processes that `martlet up` on the data folder has started, one at a time, says what it does, and \
            waits until each is ready again. Nothing may be lost by it: run `martlet replay` beside it and see.

            kill is SIGKILL; the supervisor starts the daemon again. pause is SIGSTOP, then SIGCONT. slow stops a daemon \
            for four fifths of each tenth of a second, so that it answers late; the network itself is not slowed down. cut \
            shuts all TCP connections of a daemon, as when a link breaks; it needs the right to trace the process, which \
            its owner and root have. What needs a proxy, a small disk or another clock is in Scripts/chaos, which starts a \
            shop of its own.

            Examples:
              martlet chaos kill ordersd
              martlet chaos pause paymentsd --for 10s
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
        abstract: "Kills a daemon (kill -9); its supervisor starts it again. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions

    func run() async throws { try await daemon.perform(.kill, length: .zero) }
}

struct ChaosPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stops a daemon for a while, as if its machine slept. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions
    @OptionGroup var length: ChaosLength

    func run() async throws { try await daemon.perform(.pause, length: length.value.duration) }
}

struct ChaosSlowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slow",
        abstract: "Lets a daemon have a fifth of its time for a while. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions
    @OptionGroup var length: ChaosLength

    func run() async throws { try await daemon.perform(.slow, length: length.value.duration) }
}

struct ChaosCutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cut",
        abstract: "Shuts all connections of a daemon. [--json]"
    )

    @OptionGroup var daemon: ChaosOptions

    func run() async throws { try await daemon.perform(.cut, length: .zero) }
}

struct ChaosResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Lets daemons go on that a killed `pause` or `slow` left stopped."
    )

    @OptionGroup var data: FolderOptions

    func run() async throws {
        try await reporting {
            let resumed = try ChaosSession.hand(data.folder).resume()
            Terminal().note(resumed.isEmpty ? "nothing stood still" : "going on: \(resumed.joined(separator: ", "))")
        }
    }
}
