import ArgumentParser
import Foundation
import MartletCore

struct DownCommand: AsyncParsableCommand {
    /// How long the supervisor may take to drain everything before all is killed.
    static let patience: Duration = .seconds(300)
    static let look: Duration = .milliseconds(50)

    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Ends the shop in order.",
        discussion: """
            The same as Ctrl-C at `martlet up`: requests that are on their way are finished, the data stay. Also ends what a \
            killed supervisor left behind. Ends with status 3 when nothing runs.

            Example:
              martlet down --data /srv/shop
            """
    )

    @OptionGroup var data: FolderOptions

    func run() async throws {
        try await reporting {
            let folder = data.folder
            let time = SystemTime()
            let terminal = Terminal()
            let table = ProcessTable.read(folder)
            let supervisor = table?.supervisor
            let leftovers = Leftovers(of: table)
            guard FolderLock.isTaken(folder) else {
                guard !leftovers.marks.isEmpty else {
                    throw CommandFailure("nothing runs on \(folder.path)", status: ExitStatus.notRunning)
                }
                try await leftovers.end(time: time)
                terminal.note("ended \(leftovers.marks.count) processes of a supervisor that died")
                return
            }
            guard let supervisor else {
                throw CommandFailure("\(folder.path) is in use by a process that has not said which")
            }
            supervisor.send(SIGTERM)
            let limit = time.now + Self.patience
            while supervisor.isAlive {
                if time.now >= limit {
                    supervisor.send(SIGKILL)
                    try await Leftovers(of: ProcessTable.read(folder)).end(time: time)
                    throw CommandFailure("the supervisor did not end in time and was killed, with all processes")
                }
                try await time.sleep(for: Self.look)
            }
            terminal.note("stopped; the data are in \(folder.path)")
        }
    }
}
