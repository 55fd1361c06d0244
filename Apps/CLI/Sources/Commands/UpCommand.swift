import ArgumentParser
import Console
import CrashList
import Foundation
import MartletCore
import MartletHost
import MartletSecurity
import UnixSignals

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Starts the \(Topology.systemName) and supervises it.",
        discussion: """
            Every service runs in its own process, with its own database under the data folder; a process that exits \
            is restarted with a growing delay. Ctrl-C (or SIGTERM, or `martlet down`) drains them in order: the \
            gateway first, the event log last; a second Ctrl-C kills them. The data are kept: the next `up` continues \
            with them, on the same ports.

            Examples:
              martlet up
              martlet up --data /srv/data --port 8081
              martlet up --single-process
              martlet up --json | jq -r .url
              martlet up --crash DAEMON=outbox.committed:3
              martlet up --set DAEMON.SETTING=VALUE
            """
    )

    @OptionGroup var data: FolderOptions
    @OptionGroup var system: TopologyOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The gateway's port.", discussion: "Also set by MARTLET_PORT. (default: 8080)"),
        transform: FlagValue.wholeNumber(Launch.ports)
    )
    var port: Int?

    @Flag(help: "Run all services in one process.")
    var singleProcess = false

    @Option(
        help: ArgumentHelp(
            "Kill a daemon's first start at a crash point; see `martlet crash-points`. May be repeated.",
            valueName: "daemon=name:n"
        )
    )
    var crash: [String] = []

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "A setting of one daemon, which its --help lists; for this run. May be repeated.",
            valueName: "daemon.setting=value"
        )
    )
    var daemonSettings: [String] = []

    @Option(
        help: ArgumentHelp(
            "The lowest level that daemons log.",
            discussion: DaemonSettings.LogLevel.allCases.map(\.rawValue).joined(separator: ", "),
            valueName: "level"
        ),
        transform: { text in
            guard let level = DaemonSettings.LogLevel(rawValue: text) else {
                throw ValidationError("there is no level \(text)")
            }
            return level
        }
    )
    var logLevel = DaemonSettings.LogLevel.info

    @Flag(help: "Print one JSON object when all processes are ready, and nothing else on standard output.")
    var json = false

    func validate() throws {
        for setting in crash { _ = try crashSetting(setting) }
        _ = try settingsOfDaemons()
    }

    /// The effective port and crash points: a flag takes precedence over its variable.
    ///
    /// - Throws: ``CommandFailure`` with the usage status for an invalid variable.
    func settings(_ environment: [String: String]) throws -> (port: Int, crashes: [String: String]) {
        var crashes: [String: String] = [:]
        do {
            if let everywhere = environment[CrashPoints.variable], !everywhere.isEmpty {
                _ = try CrashSetting(everywhere, known: CrashPointNames.all)
                for program in try members().map(\.program) { crashes[program] = everywhere }
            }
        } catch {
            throw CommandFailure("\(CrashPoints.variable): \(error)", status: CommandStatus.usage)
        }
        for setting in crash {
            let (program, point) = try crashSetting(setting)
            crashes[program] = point
        }
        if let port { return (port, crashes) }
        guard let text = environment["MARTLET_PORT"], !text.isEmpty else { return (Launch.port, crashes) }
        do {
            return (try FlagValue.wholeNumber(Launch.ports)(text), crashes)
        } catch {
            throw CommandFailure("MARTLET_PORT: '\(text)' \(error)", status: CommandStatus.usage)
        }
    }

    /// The program and the setting in a `--crash`.
    private func crashSetting(_ text: String) throws -> (program: String, setting: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        let programs = try members().map(\.program)
        guard parts.count == 2, programs.contains(parts[0]) else {
            throw ValidationError(
                "--crash '\(text)': must be DAEMON=NAME:N with one of \(programs.joined(separator: ", "))"
            )
        }
        do {
            _ = try CrashSetting(parts[1], known: CrashPointNames.all)
        } catch {
            throw ValidationError("--crash \(error)")
        }
        return (parts[0], parts[1])
    }

    /// The settings of `--set`, by program: flags without their leading dashes, and values.
    func settingsOfDaemons() throws -> [String: [Launch.Setting]] {
        guard !daemonSettings.isEmpty else { return [:] }
        let programs = try members().map(\.program)
        var settings: [String: [Launch.Setting]] = [:]
        for text in daemonSettings {
            let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let names = sides[0].split(separator: ".", maxSplits: 1).map(String.init)
            guard sides.count == 2, names.count == 2, programs.contains(names[0]) else {
                throw ValidationError(
                    "--set '\(text)': must be DAEMON.SETTING=VALUE with one of \(programs.joined(separator: ", "))"
                )
            }
            guard !Launch.ownSettings.contains(names[1]) else {
                throw ValidationError("--set '\(text)': \(names[1]) is set by this command")
            }
            settings[names[0], default: []].append(Launch.Setting(name: names[1], value: sides[1]))
        }
        return settings
    }

    /// The programs to run.
    private func members() throws -> [Topology.Member] { try system.topology().members(singleProcess: singleProcess) }

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let runtime = Runtime.system
            let started = runtime.time.now
            let folder = data.folder
            let topology = try system.topology()
            let (port, crashes) = try settings(ProcessInfo.processInfo.environment)
            // From here on Ctrl-C shuts down the daemons, not only this process.
            let stops = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
            DaemonProcess.makeFilesPrivate()
            try folder.make()
            guard let lock = try FolderLock.acquire(folder) else {
                let pid = (try? ProcessTable.read(folder))?.supervisor.map { " (process \($0.pid))" } ?? ""
                throw CommandFailure(
                    "a \(topology.name) already runs on \(folder.path)\(pid): see `martlet status`, end it with `martlet down`",
                    status: CommandStatus.alreadyRunning
                )
            }
            defer { withExtendedLifetime(lock) {} }
            try DatabaseFiles.requireNoInterruptedRestore(in: folder)
            let system = try claim(folder, runtime, on: terminal)
            defer { unlink(folder.pidFile) }
            try await endOrphans(of: folder, runtime.time, terminal)
            let launch = Launch(
                folder: folder,
                system: system,
                topology: topology,
                members: try topology.members(singleProcess: singleProcess),
                port: port,
                programs: try Programs.folder(),
                crashes: crashes,
                settings: try settingsOfDaemons(),
                logLevel: logLevel,
                runtime: runtime
            )
            let outcome = try await supervise(launch, stops: stops, since: started, on: terminal)
            try report(outcome, of: topology, in: folder, on: terminal)
        }
    }

    /// Makes the folder this process's.
    ///
    /// - Returns: Its identity.
    private func claim(_ folder: DataFolder, _ runtime: Runtime, on terminal: Terminal) throws -> String {
        let (identity, original) = try folder.claim(id: runtime.identifier().description)
        if let original {
            terminal.note(
                "\(folder.path) is a copy of \(original): it gets ports, keys and tokens of its own, and leaves the other alone"
            )
        }
        do {
            try SecretFile.write("\(getpid())\n", to: folder.pidFile)
        } catch {
            throw CommandFailure("\(error)")
        }
        return identity.id
    }

    private func endOrphans(of folder: DataFolder, _ time: any TimeSource, _ terminal: Terminal) async throws {
        let orphans = OrphanProcesses(of: try ProcessTable.read(folder), in: folder)
        guard !orphans.processes.isEmpty else { return }
        terminal.note("ending \(orphans.processes.count) orphaned processes")
        try await orphans.end(time: time)
    }

    private func supervise(
        _ launch: Launch,
        stops: UnixSignalsSequence,
        since started: Moment,
        on terminal: Terminal
    ) async throws -> SupervisorStateMachine.Outcome {
        let limits = SupervisorLimits()
        let probe = ReadinessProbe(timeout: limits.probeTimeout, system: launch.system)
        let supervisor = Supervisor(
            folder: launch.folder,
            system: launch.system,
            url: "http://\(Launch.host):\(launch.port)",
            singleProcess: singleProcess,
            daemons: try await launch.prepare(),
            limits: limits,
            time: launch.runtime.time,
            isReady: { await probe.isReady(port: $0) },
            note: { terminal.note($0) }
        )
        return try await withThrowingDiscardingTaskGroup { group in
            // Cancelled when the supervisor ends.
            group.addTask { await launch.renewTokens { terminal.note($0) } }
            defer { group.cancelAll() }
            return try await supervisor.run(stops: stops) { table in
                let report = UpReport(
                    data: launch.folder.path,
                    readyMilliseconds: (launch.runtime.time.now - started).milliseconds,
                    table: table
                )
                if json { try terminal.json(report) } else { report.write(to: terminal) }
            }
        }
    }

    private func report(
        _ outcome: SupervisorStateMachine.Outcome,
        of topology: Topology,
        in folder: DataFolder,
        on terminal: Terminal
    ) throws {
        switch outcome {
        case .stopped: terminal.note("stopped; the data are in \(folder.path)")
        case .failed(let reason, let daemons):
            for name in daemons {
                let log = folder.log(of: name)
                terminal.note("last log lines of \(name), from \(log):")
                for line in ChildLog(path: log).tail(8) { terminal.note("  \(line)") }
            }
            let problem = DiskSpace(path: folder.path).problem.map { " (\($0): \(folder.path))" } ?? ""
            throw CommandFailure("the \(topology.name) did not start: \(reason)\(problem)")
        }
    }
}
