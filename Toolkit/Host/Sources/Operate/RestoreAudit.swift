package import MartletSQL

/// The restores of a service's database from a backup, in its audit log.
package enum RestoreAudit {
    /// Those of the audit log: to be run on the restored database before ``write(by:of:from:epoch:in:)``.
    package static let migrations = OperateAudit.migrations

    /// Records a restore, in its own transaction; each restore is an act.
    ///
    /// - Parameters:
    ///   - who: The user of the machine.
    ///   - service: Whose database was restored.
    ///   - file: The backup.
    ///   - epoch: What the service's events begin with it.
    package static func write(
        by who: String,
        of service: String,
        from file: String,
        epoch: Int,
        in tx: borrowing SQLTransaction
    ) throws {
        try OperateAudit.write(
            OperateAudit.Action(who: who, name: "database.restore", target: service, why: "from \(file)"),
            before: "",
            after: "epoch \(epoch)",
            in: tx
        )
    }
}
