/// The daemons of a supervisor that runs: nothing else may be touched.
struct ChaosTarget: Sendable {
    let folder: DataFolder

    /// The rows of a supervisor that is alive.
    ///
    /// - Throws: ``CommandFailure`` when nothing runs on the folder, or its supervisor has died.
    func rows() throws(CommandFailure) -> [ProcessTable.Row] {
        guard let table = ProcessTable.read(folder), table.supervisor?.isAlive == true else {
            throw CommandFailure(
                "no `martlet up` runs on \(folder.path): only what it started is touched",
                status: ExitStatus.notRunning
            )
        }
        return table.rows
    }

    /// The row of `daemon`, which may be named by its program or its service.
    func row(_ daemon: String) throws(CommandFailure) -> ProcessTable.Row {
        let rows = try rows()
        if let row = rows.first(where: { $0.name == daemon }) { return row }
        if let row = rows.first(where: { $0.services == [daemon] }) { return row }
        throw CommandFailure(
            "no daemon \(daemon): choose one of \(rows.map(\.name).joined(separator: ", "))",
            status: ExitStatus.usage
        )
    }

    /// The process of `daemon`, as the supervisor noted it: another one with the same number is never meant.
    func process(_ daemon: String) throws(CommandFailure) -> ProcessMark {
        guard let mark = try row(daemon).mark, mark.isAlive else {
            throw CommandFailure("\(daemon) has no process at the moment: see `martlet status`")
        }
        return mark
    }
}
