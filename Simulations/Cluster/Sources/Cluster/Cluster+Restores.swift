import MartletCore
import MartletEventLog
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletSimulation
import MartletTesting
import SimulatedDisk

// What an operator does with `martlet restore`, by the same code of the toolkit.
extension Cluster {
    /// Events a second that a service publishes again.
    private static let resendRate = 1_000
    private static let retryInterval = Duration.milliseconds(500)

    /// Ends all own processes, has the event log begin anew or from a backup, starts everything again, and has every
    /// service publish again what it holds.
    ///
    /// Everything ends, since a relay that has a response of the old log would mark as sent what the new one does not have.
    ///
    /// - Parameters:
    ///   - backup: `nil` when the log is lost.
    ///   - isInOrder: Whether the loops of the processes end before the processes do.
    func restoreLog(_ backup: DiskImage?, endingInOrder isInOrder: Bool) async throws {
        guard let store = stores[Deployment.eventLogName] else { return }
        var image = DiskImage()
        if let backup {
            image = try await prepared(backup) { database in
                try await EventLogRestore.migrate(database)
                try await database.transaction("restore.log", deadline: nil) { (tx: borrowing SQLTransaction) in
                    _ = try EventLogRestore.rewind(in: tx)
                }
            }
        }
        if isInOrder { try await end(slots: slots.own) }
        for index in slots.own { kill(slot: index) }
        store.restore(image)
        backups.count(Deployment.eventLogName)
        startMissing()
        for service in stores.names where service != Deployment.eventLogName { try await startResend(of: service) }
    }

    /// Ends the processes of a service and its database server, puts a backup of its database in place, and starts it.
    ///
    /// Its events begin a new epoch, and its groups go back to the oldest event of the log.
    func restore(
        _ service: String,
        _ backup: DiskImage,
        endingInOrder isInOrder: Bool,
        entropy: SeededEntropy
    ) async throws {
        guard let store = stores[service], let log = stores[Deployment.eventLogName] else { return }
        let highest = try await retrying {
            try await log.inspect { (tx: borrowing SQLTransaction) in
                try EventLogRestore.highestEpoch(of: service, in: tx)
            }
        }
        let image = try await prepared(backup) { database in
            try await database.transaction("restore.epoch", deadline: nil) { (tx: borrowing SQLTransaction) in
                _ = try Restores.begin(after: highest, entropy, in: tx)
            }
        }
        let indices = slots.indices(of: service)
        if isInOrder { try await end(slots: indices) }
        for index in indices { kill(slot: index) }
        servers[service]?.crash()
        store.restore(image)
        backups.count(service)
        startMissing()
    }

    /// What services have not finished since a restore: resends, and groups that have not gone back.
    ///
    /// - Parameter consumers: The consumer groups of each topic; each has the name of its service.
    package func pendingRestores(of consumers: [String: [String]]) async throws -> [String] {
        var pending: [String] = []
        for restored in backups.restored {
            guard restored == Deployment.eventLogName else {
                let groups = consumers.values.count { $0.contains(restored) }
                let goneBack = try await stores[restored]?.inspect { (tx: borrowing SQLTransaction) in
                    try Restores.groupsGoneBack(in: tx)
                }
                if goneBack ?? 0 < groups { pending.append("\(restored): its groups have not gone back") }
                continue
            }
            for service in stores.names where service != restored {
                let isRunning = try await stores[service]?.inspect { (tx: borrowing SQLTransaction) in
                    try Resends.list(before: 0, in: tx).contains { $0.state == .running }
                }
                if isRunning == true { pending.append("\(service): a resend is running") }
            }
        }
        return pending
    }

    private func startResend(of service: String) async throws {
        let selection = Resend.Selection(
            since: Timestamp(microseconds: 0),
            topic: "",
            key: "",
            rate: Self.resendRate
        )
        try await retrying { [stores] in
            guard let store = stores[service] else { return }
            try await store.current().transaction("restore.resend", deadline: nil) { (tx: borrowing SQLTransaction) in
                _ = try Resends.start(selection, in: tx)
            }
        }
    }

    /// The files of a database that was restored from a backup, before they are put in place.
    private func prepared(
        _ backup: DiskImage,
        _ body: (SQLiteDatabase) async throws -> Void
    ) async throws -> DiskImage {
        let store = Store(backup, entropy: SeededEntropy(seed: 0))
        try store.open(time: simulation.time) { _ in }
        let database = try store.current()
        try await body(database)
        await database.close()
        return store.disk.image
    }

    /// Repeats `body` until the database that it uses is available.
    private func retrying<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        while true {
            do { return try await body() } catch {
                try Task.checkCancellation()
                try await simulation.time.sleep(for: Self.retryInterval)
            }
        }
    }
}
