import ArgumentParser
import Foundation
import MartletCore

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows what runs where, and how far it is behind.",
        discussion: """
            Asks every process whether it is ready, and the event log how many events wait for a group that takes them. \
            Ends with status 0 when everything is ready, 1 when something is not, 3 when nothing runs.

            READY is what the process answers now; STATE is what the supervisor last knew: starting, ready, resting (it \
            died and waits for its restart), draining, stopped. HTTP, GRPC and OPERATE are its ports: for REST, for other \
            services, for operators.

            Examples:
              martlet status
              martlet status --json | jq '.processes[] | select(.isReady | not)'
            """
    )

    @OptionGroup var data: FolderOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let folder = data.folder
            let terminal = Terminal()
            let table = ProcessTable.read(folder)
            guard let table,
                table.supervisor?.isAlive == true || table.rows.contains(where: { $0.mark?.isAlive == true })
            else {
                throw CommandFailure("nothing runs on \(folder.path)", status: ExitStatus.notRunning)
            }
            let report = await StatusReport(of: table, in: folder)
            if json { try terminal.json(report) } else { report.write(to: terminal) }
            if !report.isReady { throw ExitStatus.failed }
        }
    }
}
