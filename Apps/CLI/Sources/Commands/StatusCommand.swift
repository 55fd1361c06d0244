import ArgumentParser
import Console
import Foundation
import MartletCore

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows processes, readiness and consumer lag.",
        discussion: """
            Probes the readiness of every process, and queries the event log for the lag of the consumer groups. Exits \
            with status 0 when all processes are ready, 1 when one is not, 3 when nothing runs.

            READY is the result of the probe; STATE is the last state that the supervisor recorded: starting, ready, \
            resting (it exited and waits for its restart), draining, stopped. Below the table stands why a process is not \
            ready, whether the disk of the data is full, and what waits for an operator, with the command that lists it. HTTP, GRPC and OPERATE are its ports: \
            for REST, for other services, for operators.

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
            let table = try ProcessTable.read(folder)
            guard let table,
                table.supervisor?.isAlive == true || table.rows.contains(where: { $0.mark?.isAlive == true })
            else {
                throw CommandFailure("nothing runs on \(folder.path)", status: CommandStatus.notRunning)
            }
            let report = await StatusReport(of: table, in: folder)
            if json { try terminal.json(report) } else { report.write(to: terminal) }
            if !report.isReady { throw CommandStatus.failed }
        }
    }
}
