package import MartletCore
package import MartletSQL

/// The restores of a service's database from a backup.
package enum Restores {
    /// To be run once on a database that was restored from a backup, before its service starts.
    ///
    /// Consumers have seen sequence numbers that the backup does not contain, so the keys begin a new epoch. The service's
    /// own groups have forgotten what they acknowledged, so they go back to the oldest event of the bus when they join. A
    /// repeat begins another epoch.
    ///
    /// - Parameters:
    ///   - log: The highest epoch of this source that the log holds; `nil` when it holds no event of it.
    ///   - entropy: Makes two restores of one backup differ.
    /// - Returns: The epoch.
    @discardableResult
    package static func begin(
        after log: Int?,
        _ entropy: any Entropy,
        in tx: borrowing SQLTransaction
    ) throws -> Int {
        let epoch = try Outbox.beginEpoch(after: log, entropy, in: tx)
        try tx.run(
            """
            INSERT INTO inbox_restores (number, epoch, restored_at)
            VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM inbox_restores), \(epoch), \(tx.date.microseconds))
            """
        )
        return epoch
    }

    /// How many groups of the database have gone back since the last restore; all that have begun when there was none.
    package static func groupsGoneBack(in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run("SELECT COUNT(*) FROM inbox_groups WHERE rewound >= \(last(in: tx))").first?.int(0) ?? 0
    }

    /// The number of the last restore; 0 when there was none.
    static func last(in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run("SELECT COALESCE(MAX(number), 0) FROM inbox_restores").first?.int(0) ?? 0
    }
}
