import ArgumentParser
import Console
import Foundation
import MartletCore
import MartletSQL

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Puts the backup of one database in place, on a stopped \(Topology.systemName).",
        discussion: """
            NAME is a service, or eventlog. FOLDER has its backup, NAME.sqlite: a copy of the data folder while nothing \
            ran, or what SQLite's VACUUM INTO has written. The present files are kept under another name.

            After the restore of a service its events begin a new epoch, and its groups take again what the log holds; \
            what the log has purged since the backup is published again by the services that hold it. \
            After the restore or the loss of the log every service publishes again what it holds. Consumers drop what \
            they have handled. The report names what no database holds any more. `martlet audit` lists the restore once \
            the \(Topology.systemName) runs.

            Examples:
              martlet restore NAME --from /backups/monday
              martlet restore eventlog --lost --json
            """
    )

    @Argument(help: "A service with a database, or eventlog.")
    var name: String

    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("The folder of the backup.", valueName: "folder"), completion: .directory)
    var from: String?

    @Flag(help: "The event log is lost, and has no backup.")
    var lost = false

    @Flag(help: "Print JSON.")
    var json = false

    private var isLog: Bool { name.utf8.elementsEqual(LogStatus.service.utf8) }

    func validate() throws {
        guard (from != nil) != lost else { throw ValidationError("Give --from, or --lost for the event log.") }
        guard !lost || isLog else { throw ValidationError("--lost is for eventlog: a service needs a backup.") }
    }

    func run() async throws {
        try await reporting {
            let (folder, runtime, terminal) = (data.folder, Runtime.system, Terminal())
            let services = try Topology.installed.get().processes.filter(\.hasDatabase).flatMap(\.services)
                .filter { !$0.utf8.elementsEqual(LogStatus.service.utf8) }
            guard isLog || services.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
                throw CommandFailure(
                    "\(name): there is no such database; name one of \(services.sorted()), or eventlog"
                )
            }
            guard FileManager.default.fileExists(atPath: folder.path) else {
                throw CommandFailure("\(folder.path): there is no such folder")
            }
            guard let lock = try FolderLock.acquire(folder), DatabaseLocks.held(in: folder).isEmpty else {
                throw CommandFailure(
                    "a \(Topology.systemName) runs on \(folder.path): end it with `martlet down` first",
                    status: CommandStatus.alreadyRunning
                )
            }
            defer { withExtendedLifetime(lock) {} }
            try DatabaseFiles.requireNoInterruptedRestore(in: folder, except: name)
            do {
                let report = try await restore(folder, services: services, runtime)
                if json { try terminal.json(report) } else { report.write(to: terminal) }
            } catch let error as SQLError {
                throw CommandFailure("\(name): \(error.message)")
            } catch let error as SchemaTooNew {
                throw CommandFailure(
                    "a newer version has run the step \(error.module) \(error.number), which breaks this one: restore with that "
                        + "version"
                )
            }
        }
    }

    private func restore(_ folder: DataFolder, services: [String], _ runtime: Runtime) async throws -> RestoreReport {
        let place = DatabaseFiles(folder: folder.path, name: name)
        let backup = from.map { DatabaseFiles(folder: DataFolder($0).path, name: name) }
        if let backup, !backup.exists { throw CommandFailure("\(backup.path): there is no such file") }
        // Put in place when it is complete: no service may start on a backup without its new epoch.
        let prepared = place.prepared
        prepared.remove()
        var report: RestoreReport
        do {
            try backup?.copy(to: prepared)
            if backup == nil { try await RestoredSystem.makeLog(at: prepared, time: runtime.time) }
            let origin = RestoreOrigin.ofThisUser(from: backup?.path)
            report = try await prepare(prepared, by: origin, in: folder, services: services, runtime)
        } catch {
            // What is in place stays, and the system may start on it; where nothing is, it must not begin an empty database.
            if place.exists { prepared.remove() }
            throw error
        }
        report.setAside = try place.setAside(as: "\(runtime.time.date.microseconds)")
        try prepared.move(to: place)
        prepared.remove()
        return report
    }

    /// Restores the prepared files, in no way that a system which starts on the present ones would notice but that events
    /// are published again.
    private func prepare(
        _ prepared: DatabaseFiles,
        by origin: RestoreOrigin,
        in folder: DataFolder,
        services: [String],
        _ runtime: Runtime
    ) async throws -> RestoreReport {
        let files = (services.sorted() + [LogStatus.service]).map { service in
            let isRestored = service.utf8.elementsEqual(name.utf8)
            return (name: service, files: isRestored ? prepared : DatabaseFiles(folder: folder.path, name: service))
        }
        var report = RestoreReport(restored: name)
        let system = try await RestoredSystem.open(files, time: runtime.time)
        do {
            if isLog {
                try await system.finishLog(by: origin, &report)
            } else {
                try await system.finishService(name, by: origin, entropy: runtime.entropy, &report)
            }
        } catch {
            await system.close()
            throw error
        }
        await system.close()
        return report
    }
}
