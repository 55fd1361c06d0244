import ArgumentParser
import Console

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Shows and rotates the keys that sign tokens.",
        subcommands: [KeysRotateCommand.self, KeysStatusCommand.self]
    )
}
