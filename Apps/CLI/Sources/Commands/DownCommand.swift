import ArgumentParser
import Console
import Foundation
import MartletCore

struct DownCommand: AsyncParsableCommand {
    /// How long the supervisor may take to drain before all processes are killed.
    static let drainTimeout: Duration = .seconds(300)
    static let pollInterval: Duration = .milliseconds(50)

    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Shuts the \(Topology.systemName) down gracefully.",
        discussion: """
            The same as Ctrl-C at `martlet up`: requests in flight are completed, the data are kept. Also terminates \
            processes of a killed supervisor. Exits with status 3 when nothing runs.

            Example:
              martlet down --data /srv/data
            """
    )

    @OptionGroup var data: FolderOptions

    func run() async throws {
        try await reporting {
            let folder = data.folder
            let time = SystemTime()
            let terminal = Terminal()
            let table = try ProcessTable.read(folder)
            let supervisor = table?.supervisor
            guard FolderLock.isHeld(folder) else {
                let orphans = OrphanProcesses(of: table, in: folder)
                guard !orphans.processes.isEmpty || !DatabaseLocks.held(in: folder).isEmpty else {
                    throw CommandFailure("nothing runs on \(folder.path)", status: CommandStatus.notRunning)
                }
                try await orphans.end(time: time)
                try await requireEnded(folder, time)
                terminal.note("ended \(orphans.processes.count) orphaned processes")
                return
            }
            guard let supervisor else {
                throw CommandFailure("\(folder.path) is locked by a process that has not yet recorded its PID")
            }
            supervisor.send(SIGTERM)
            let limit = time.now + Self.drainTimeout
            while supervisor.isAlive {
                if time.now >= limit {
                    supervisor.send(SIGKILL)
                    try await OrphanProcesses(of: table, try ProcessTable.read(folder), in: folder).end(time: time)
                    throw CommandFailure("the supervisor did not exit in time and was killed, with all its processes")
                }
                try await time.sleep(for: Self.pollInterval)
            }
            // A supervisor that was killed, or failed, has left its daemons.
            let orphans = OrphanProcesses(of: table, try ProcessTable.read(folder), in: folder)
            if !orphans.processes.isEmpty {
                terminal.note("the supervisor has left \(orphans.processes.count) processes, which are ended")
                try await orphans.end(time: time)
            }
            try await requireEnded(folder, time)
            terminal.note("stopped; the data are in \(folder.path)")
        }
    }

    /// - Throws: ``CommandFailure`` when a process still uses the folder, such as one that could not be recorded.
    private func requireEnded(_ folder: DataFolder, _ time: any TimeSource) async throws {
        let limit = time.now + OrphanProcesses.gracePeriod
        while true {
            let held = DatabaseLocks.held(in: folder)
            if held.isEmpty, !FolderLock.isHeld(folder) { return }
            guard time.now < limit else {
                throw CommandFailure(
                    "a process that is not recorded still uses \(folder.path): \(held.joined(separator: ", "))"
                )
            }
            try await time.sleep(for: Self.pollInterval)
        }
    }
}
