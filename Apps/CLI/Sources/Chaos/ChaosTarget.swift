import Console

/// The daemons of a running supervisor, the only permitted targets.
struct ChaosTarget: Sendable {
    let folder: DataFolder

    /// The rows of a running supervisor.
    ///
    /// - Throws: ``CommandFailure`` when no supervisor runs on the folder, or what runs is unknown.
    func rows() throws(CommandFailure) -> [ProcessTable.Row] {
        guard let table = try ProcessTable.read(folder), table.supervisor?.isAlive == true else {
            throw CommandFailure(
                "no `martlet up` runs on \(folder.path): faults are injected only into its daemons",
                status: CommandStatus.notRunning
            )
        }
        return table.rows
    }

    /// The row of `daemon`, named by its program or its service.
    func row(_ daemon: String) throws(CommandFailure) -> ProcessTable.Row {
        let rows = try rows()
        if let row = rows.first(where: { $0.name == daemon }) { return row }
        if let row = rows.first(where: { $0.services == [daemon] }) { return row }
        throw CommandFailure(
            "no daemon \(daemon): choose one of \(rows.map(\.name).joined(separator: ", "))",
            status: CommandStatus.usage
        )
    }

    /// The process of `daemon` as recorded by the supervisor, never a later one with the same PID.
    func process(_ daemon: String) throws(CommandFailure) -> ProcessIdentity {
        guard let mark = try row(daemon).mark, mark.isAlive else {
            throw CommandFailure("\(daemon) has no process at the moment: see `martlet status`")
        }
        return mark
    }
}
