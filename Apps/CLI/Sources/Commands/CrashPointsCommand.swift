import ArgumentParser
import Console
import CrashList

struct CrashPointsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-points",
        abstract: "Lists the durable boundaries at which a process can be killed.",
        discussion: """
            MARTLET_CRASH=NAME:N in a daemon's environment kills it, as kill -9 does, when it reaches the point NAME \
            for the N-th time. `martlet up --crash DAEMON=NAME:N` arms the point in one daemon's first start.

            Examples:
              martlet crash-points
              martlet up --crash DAEMON=outbox.committed:3
            """
    )

    @Flag(help: "Print a JSON array of names.")
    var json = false

    func run() async throws {
        let terminal = Terminal()
        if json { return try terminal.json(CrashPointNames.all) }
        for name in CrashPointNames.all { terminal.line(name) }
    }
}
