import Console

/// The processes of the system, printed when all are ready.
struct UpReport: Encodable {
    struct Process: Encodable {
        let name: String
        let services: [String]
        let pid: Int32
        let state: DaemonLifecycle.State
        let restarts: Int
        let http: Int
        let grpc: Int
        let operate: Int
        /// Of health and metrics.
        let health: Int
        let log: String

        init(_ row: ProcessTable.Row) {
            name = row.name
            services = row.services
            pid = row.mark?.pid ?? 0
            state = row.state
            restarts = row.restarts
            http = row.http
            grpc = row.grpc
            operate = row.operate
            health = row.probed
            log = row.log
        }
    }

    let url: String
    let data: String
    let supervisor: Int32
    let readyMilliseconds: Int64
    let processes: [Process]

    init(data: String, readyMilliseconds: Int64, table: ProcessTable) {
        url = table.url
        self.data = data
        supervisor = table.supervisor?.pid ?? 0
        self.readyMilliseconds = readyMilliseconds
        processes = table.rows.map(Process.init)
    }

    func write(to terminal: Terminal) {
        var table = TextTable("PROCESS", "PID", "HTTP", "GRPC", "OPERATE", "HEALTH")
        for process in processes {
            table.add(
                "\(process.name)",
                "\(process.pid)",
                .port(process.http),
                .port(process.grpc),
                .port(process.operate),
                .port(process.health)
            )
        }
        table.write(to: terminal)
        let seconds = Double(readyMilliseconds) / 1_000
        terminal.line()
        terminal.line("\(terminal.styled("Ready", .green)) in \(seconds) s at \(terminal.styled(url, .bold))")
        terminal.line("Data and logs are in \(data). Ctrl-C shuts the \(Topology.systemName) down.")
    }
}

extension TextTable.Cell {
    /// A port; `-` for none.
    static func port(_ number: Int) -> TextTable.Cell { TextTable.Cell(number == 0 ? "-" : "\(number)") }
}
