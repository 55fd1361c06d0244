import Console
import MartletCore
import MartletHost

/// The current state of all processes.
struct StatusReport: Encodable {
    struct Process: Encodable {
        let name: String
        let services: [String]
        /// 0 for no process.
        let pid: Int32
        let state: DaemonLifecycle.State
        let isReady: Bool
        /// Why it is not ready, as it states itself; `nil` when it is ready or does not respond.
        let reason: String?
        let restarts: Int
        let http: Int
        let grpc: Int
        let operate: Int
        /// Of health and metrics.
        let health: Int
        let log: String
    }

    let url: String
    let data: String
    /// 0 when the supervisor has exited and its processes still run.
    let supervisor: Int32
    let isReady: Bool
    /// The free space of the data folder's disk; `nil` when it is unknown.
    let diskFreeBytes: UInt64?
    let isDiskFull: Bool
    /// The lag over all consumer groups; `nil` when the event log does not respond.
    let lag: Int64?
    /// Consumer groups that have had no member for long, as `group of topic`.
    let abandonedGroups: [String]
    /// Events of losses that no operator has confirmed, in the event log and in the services that respond.
    let lostEvents: Int64
    /// What else waits for an operator, in the services that respond.
    let waiting: [WaitingWork]
    let processes: [Process]

    init(of table: ProcessTable, in folder: DataFolder) async {
        let probe = ReadinessProbe(timeout: SupervisorLimits().probeTimeout, system: table.folder)
        var outcomes: [String: ReadinessProbe.Outcome] = [:]
        var metrics: [String] = []
        await withTaskGroup(of: (String, ReadinessProbe.Outcome, String?).self) { group in
            for row in table.rows where row.mark?.isAlive == true {
                group.addTask {
                    (row.name, await probe.outcome(port: row.probed), await probe.metrics(port: row.probed))
                }
            }
            for await (name, outcome, exposition) in group {
                outcomes[name] = outcome
                if let exposition { metrics.append(exposition) }
            }
        }
        waiting = WaitingWork.all(in: metrics.joined(separator: "\n"))
        url = table.url
        data = folder.path
        supervisor = table.supervisor.flatMap { $0.isAlive ? $0.pid : nil } ?? 0
        processes = table.rows.map { row in
            Process(
                name: row.name,
                services: row.services,
                pid: row.mark.flatMap { $0.isAlive ? $0.pid : nil } ?? 0,
                state: row.state,
                isReady: outcomes[row.name] == .ready,
                reason: outcomes[row.name]?.reason,
                restarts: row.restarts,
                http: row.http,
                grpc: row.grpc,
                operate: row.operate,
                health: row.probed,
                log: row.log
            )
        }
        isReady = table.rows.allSatisfy { outcomes[$0.name] == .ready }
        let disk = DiskSpace(path: folder.path)
        diskFreeBytes = disk.freeBytes
        isDiskFull = disk.isFull
        // When the event log is unavailable the lag is unknown, and its row shows that it is not ready.
        let log = try? await LogStatus.read(folder)
        lag = log?.lag
        let groups = log?.topics.flatMap { topic in topic.groups.map { (topic: topic.name, group: $0) } } ?? []
        abandonedGroups = groups.filter(\.group.isAbandoned).map { "\($0.group.name) of \($0.topic)" }
        let stored = waiting.filter { $0.kind == WaitingWork.lostEvents }.reduce(0) { $0 + $1.count }
        lostEvents = groups.reduce(Int64(stored)) { $0 + $1.group.lost }
    }

    func write(to terminal: Terminal) {
        var table = TextTable("PROCESS", "READY", "STATE", "PID", "RESTARTS", "HTTP", "GRPC", "OPERATE", "HEALTH")
        for process in processes {
            table.add(
                "\(process.name)",
                TextTable.Cell(process.isReady ? "yes" : "no", process.isReady ? .green : .red),
                "\(process.state.rawValue)",
                "\(process.pid)",
                TextTable.Cell("\(process.restarts)", process.restarts == 0 ? nil : .yellow),
                .port(process.http),
                .port(process.grpc),
                .port(process.operate),
                .port(process.health)
            )
        }
        table.write(to: terminal)
        terminal.line()
        for process in processes {
            if let reason = process.reason { terminal.line("\(process.name) is not ready: \(reason)") }
        }
        if isDiskFull {
            terminal.line(
                "The disk of \(data) is full, \(diskFreeBytes ?? 0) bytes are free: requests that write are refused until there "
                    + "is room; then everything continues by itself."
            )
        }
        if supervisor == 0 { terminal.line("The supervisor has exited: `martlet up` ends these and restarts.") }
        terminal.line("Gateway: \(terminal.styled(url, .bold))")
        terminal.line("Consumer lag in events: \(lag.map { "\($0)" } ?? "unknown, the event log does not respond")")
        for group in abandonedGroups {
            terminal.line(
                "The group \(group) has had no member for long: start its service, or `martlet events remove-group`."
            )
        }
        if lostEvents > 0 {
            terminal.line("Groups have lost \(lostEvents) events: `martlet events losses` lists them.")
        }
        for work in waiting { terminal.line("Waits for an operator in \(work.text)") }
        terminal.line("Data and logs: \(data)")
    }
}

extension ReadinessProbe.Outcome {
    /// What the daemon reports when it is not ready.
    fileprivate var reason: String? {
        if case .notReady(let reason) = self { reason } else { nil }
    }
}
