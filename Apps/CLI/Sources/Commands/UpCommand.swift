import ArgumentParser
import Foundation
import MartletCore
import MartletHost
import UnixSignals

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Starts the shop and keeps it running.",
        discussion: """
            Every service runs in a process of its own, with its own database under the data folder; what dies is started \
            again, after a pause that grows. Ctrl-C (or SIGTERM, or `martlet down`) ends them in order: the gateway first, \
            the event log last; Ctrl-C twice ends them at once. The data stay: the next `up` goes on with them, on the same \
            ports.

            Examples:
              martlet up
              martlet up --data /srv/shop --port 8081
              martlet up --single-process
              martlet up --json | jq -r .url
              martlet up --crash paymentsd=outbox.committed:3
            """
    )

    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("The port of the entrance.", discussion: "Also by MARTLET_PORT. (default: 8080)"))
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
        help: ArgumentHelp(
            "The least level that daemons log.",
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

    @Flag(help: "Print one JSON object when everything is ready, and nothing else on standard output.")
    var json = false

    /// The port and the crash points as they were meant.
    private func settings() throws -> (port: Int, crashes: [String: String]) {
        let environment = ProcessInfo.processInfo.environment
        let text = environment["MARTLET_PORT"] ?? ""
        let variable = Int(text)
        guard text.isEmpty || variable != nil else { throw CommandFailure("MARTLET_PORT: must be a number") }
        let port = port ?? variable ?? 8080
        guard 1...65_535 ~= port else { throw CommandFailure("--port: must be 1 to 65535") }
        let programs = topology.members.map(\.program)
        var crashes: [String: String] = [:]
        if let everywhere = environment["MARTLET_CRASH"], !everywhere.isEmpty {
            for program in programs { crashes[program] = everywhere }
        }
        for setting in crash {
            let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, programs.contains(parts[0]) else {
                throw CommandFailure(
                    "--crash \(setting): write DAEMON=NAME:N with one of \(programs.joined(separator: ", "))"
                )
            }
            crashes[parts[0]] = parts[1]
        }
        for point in crashes.values.sorted() {
            let parts = point.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard CrashPointNames.all.contains(parts[0]) else {
                throw CommandFailure("\(point): no such crash point; `martlet crash-points` lists them")
            }
            guard parts.count == 1 || (Int(parts[1]) ?? 0) >= 1 else {
                throw CommandFailure("\(point): the number of the hit must be 1 or more")
            }
        }
        return (port, crashes)
    }

    private var topology: Topology { singleProcess ? .singleProcess : .processes }

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let time = SystemTime()
            let started = time.now
            let folder = data.folder
            let (port, crashes) = try settings()
            // From here on Ctrl-C ends what runs, not this process alone.
            let stops = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
            try folder.make()
            guard let lock = try FolderLock.take(folder) else {
                let pid = ProcessTable.read(folder)?.supervisor.map { " (process \($0.pid))" } ?? ""
                throw CommandFailure(
                    "a shop already runs on \(folder.path)\(pid): see `martlet status`, end it with `martlet down`",
                    status: ExitStatus.alreadyRunning
                )
            }
            defer { withExtendedLifetime(lock) {} }
            try "\(getpid())\n".write(toFile: folder.pidFile, atomically: true, encoding: .utf8)
            defer { unlink(folder.pidFile) }
            try await endLeftovers(of: folder, time, terminal)
            let launch = Launch(
                folder: folder,
                topology: topology,
                port: port,
                programs: try Self.programs(),
                crashes: crashes,
                logLevel: logLevel,
                time: time,
                entropy: SystemEntropy()
            )
            let outcome = try await supervise(launch, stops, since: started, terminal)
            try report(outcome, folder, terminal)
        }
    }

    private func endLeftovers(of folder: DataFolder, _ time: any TimeSource, _ terminal: Terminal) async throws {
        let leftovers = Leftovers(of: ProcessTable.read(folder))
        guard !leftovers.marks.isEmpty else { return }
        terminal.note("ending \(leftovers.marks.count) processes of a supervisor that died")
        try await leftovers.end(time: time)
    }

    private func supervise(
        _ launch: Launch,
        _ stops: UnixSignalsSequence,
        since started: Moment,
        _ terminal: Terminal
    ) async throws -> SupervisorMachine.Outcome {
        let limits = SupervisorLimits()
        let probe = ReadinessProbe(timeout: limits.probeTimeout)
        let supervisor = Supervisor(
            folder: launch.folder,
            url: "http://\(Launch.host):\(launch.port)",
            singleProcess: singleProcess,
            daemons: try await launch.prepare(),
            limits: limits,
            time: launch.time,
            isReady: { await probe.isReady(port: $0) },
            note: { terminal.note($0) }
        )
        return try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                // Ends with the supervisor, by cancellation.
                while (try? await launch.time.sleep(for: Launch.tokenRenewal)) != nil {
                    try await launch.writeTokens()
                }
            }
            defer { group.cancelAll() }
            return try await supervisor.run(stops: stops) { table in
                let report = UpReport(
                    data: launch.folder.path,
                    readyMilliseconds: (launch.time.now - started).milliseconds,
                    table: table
                )
                if json { try terminal.json(report) } else { report.write(to: terminal) }
            }
        }
    }

    private func report(
        _ outcome: SupervisorMachine.Outcome,
        _ folder: DataFolder,
        _ terminal: Terminal
    ) throws {
        switch outcome {
        case .stopped: terminal.note("stopped; the data are in \(folder.path)")
        case .failed(let reason, let daemons):
            for name in daemons {
                let log = folder.log(of: name)
                terminal.note("last words of \(name), from \(log):")
                for line in ChildLog(path: log).tail(8) { terminal.note("  \(line)") }
            }
            throw CommandFailure("the shop did not start: \(reason)")
        }
    }

    /// The folder of this program, in which the daemons lie too.
    static func programs() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: own).deletingLastPathComponent().path
    }
}
