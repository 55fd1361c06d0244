import MartletCore
import MartletSQL
import MartletSQLite
import MartletSimulation
import SimulatedDisk
import Synchronization

/// A service's database on its simulated disk: the same file through all of its openings.
final class Store: Sendable {
    private static let file = "service.db"

    let disk: Disk
    private let state = Mutex<SQLiteDatabase?>(nil)

    init(_ image: DiskImage, entropy: any Entropy) { disk = Disk(image, entropy: entropy) }

    /// What stands behind the connections now.
    ///
    /// - Throws: `SQLError` with `unavailable` while nobody has opened it.
    func current() throws -> SQLiteDatabase {
        guard let database = state.withLock({ $0 }) else {
            throw SQLError(.unavailable, code: "08001", message: "the database is not running")
        }
        return database
    }

    /// Opens the file for one run of the process that owns it.
    func open(time: any TimeSource, onStop: @escaping @Sendable (SQLError) -> Void) throws {
        let opened = try disk.open(Self.file, time: time, onStop: onStop)
        replace(with: opened)
    }

    /// The process that owned it is no more; what it wrote is there.
    func kill() {
        replace(with: nil)
        disk.kill()
    }

    /// The computer that held it lost its power.
    func losePower(_ survival: Survival) {
        replace(with: nil)
        disk.losePower(survival)
    }

    private func replace(with database: SQLiteDatabase?) {
        let before = state.withLock { current in
            defer { current = database }
            return current
        }
        // Let go outside of the lock: closing writes, and may be the change in which power fails.
        withExtendedLifetime(before) {}
    }

    /// A look from outside, past all connections and clocks.
    func look<R: Sendable>(_ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R) async throws -> R {
        try await current().read("look", deadline: nil, body)
    }
}
