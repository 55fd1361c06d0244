package import MartletCore
package import MartletSQL
package import MartletSQLite
package import SimulatedDisk
import Synchronization

/// A service's database on its simulated disk: the same file across all process runs.
package final class Store: Sendable {
    private static let file = "service.db"

    package let disk: Disk
    /// They outlive the process that has the database open, as its clients' connections do with a new server.
    private let listeners = SQLListeners()
    private let state = Mutex<SQLiteDatabase?>(nil)

    package init(_ image: DiskImage, entropy: any Entropy) { disk = Disk(image, entropy: entropy) }

    /// The open database.
    ///
    /// - Throws: `SQLError` with `unavailable` while it is not open.
    package func current() throws -> SQLiteDatabase {
        guard let database = state.withLock({ $0 }) else {
            throw SQLError(.unavailable, code: "08001", message: "the database is not running")
        }
        return database
    }

    /// Opens the file for one process run of its owner.
    package func open(time: any TimeSource, onStop: @escaping @Sendable (SQLError) -> Void) throws {
        let opened = try disk.open(Self.file, time: time, listeners: listeners, onStop: onStop)
        replace(with: opened)
        // The clients of a database server connect again.
        listeners.notifyAll()
    }

    /// Ends the process that owned it; its writes stay.
    package func kill() {
        replace(with: nil)
        disk.kill()
    }

    /// Cuts the power of its computer.
    func losePower(_ survival: Survival) {
        replace(with: nil)
        disk.losePower(survival)
    }

    /// Ends the process that owned it, and puts a backup in the place of its files.
    func restore(_ backup: DiskImage) {
        replace(with: nil)
        disk.replace(with: backup)
    }

    private func replace(with database: SQLiteDatabase?) {
        let before = state.withLock { current in
            defer { current = database }
            return current
        }
        // Released outside of the lock: closing writes, and may trigger the planned power loss.
        withExtendedLifetime(before) {}
    }

    /// Reads the database directly, without connections and clocks of a machine.
    package func inspect<R: Sendable>(
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await current().read("look", deadline: nil, body)
    }
}
