import ArgumentParser
import MartletCore

struct ChaosRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Kills, pauses, slows and cuts at random for a while. [--json]",
        discussion: """
            What is done to whom in which order follows from the seed; every daemon has its turn. One act is healed before \
            the next begins, and Ctrl-C ends the run with everything going on.

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

    @Flag(help: "Print a JSON array of what was done.")
    var json = false

    func run() async throws {
        try await reporting {
            let (folder, time) = (data.folder, SystemTime())
            let daemons = try ChaosTarget(folder: folder).rows().map(\.name)
            try await ChaosSession(folder: folder, json: json).run { perform in
                var plan = ChaosPlan(seed: seed, daemons: daemons)
                let end = time.now + length.value.duration
                while time.now < end {
                    let (act, rest) = plan.next()
                    try await perform(act)
                    try await time.sleep(for: rest)
                }
            }
        }
    }
}
