import ArgumentParser
import Console
import MartletCore

struct ChaosRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Injects random faults for a while. [--json]",
        discussion: """
            The seed determines the actions, their targets and their order; every daemon is chosen once per round. The \
            daemon recovers before the next action, and Ctrl-C ends the run with every daemon continued.

            Examples:
              martlet chaos run --seed 7 --for 60s
              martlet chaos run --for 10m --json > chaos.json
            """
    )

    @OptionGroup var data: FolderOptions
    @OptionGroup var length: ChaosLength

    @Option(
        parsing: .unconditional,
        help: "The seed of the plan.",
        transform: FlagValue.wholeNumber(0...UInt64.max)
    )
    var seed: UInt64 = 1

    @Flag(help: "Print a JSON array of the performed actions.")
    var json = false

    func run() async throws {
        try await reporting {
            let (folder, time) = (data.folder, SystemTime())
            let daemons = try ChaosTarget(folder: folder).rows().map(\.name)
            try await ChaosSession(folder: folder, json: json).run { perform in
                var plan = ChaosPlan(seed: seed, daemons: daemons)
                let end = time.now + length.value.duration
                while time.now < end {
                    let (action, delay) = plan.next()
                    try await perform(action)
                    try await time.sleep(for: delay)
                }
            }
        }
    }
}
