import CSQLite
public import Logging
public import MartletCore
public import MartletSQL
public import MartletSQLite
import Synchronization

/// The disk of one simulated machine: a file system for SQLite that lives in memory and can be hurt.
///
/// It has two layers, as a real one: what was written, and what was synced. The file system that SQLite sees keeps all its
/// promises until a fault is asked for; chance comes from the given source alone. One process runs on it at a time: `kill()`,
/// `losePower(_:)` and a failed sync end that process, and whatever it still has open fails from then on, so that no
/// straggler of it reaches a file. Not simulated: what happens below sectors, bits that flip, a disk that lies about syncs.
public final class Disk: Sendable {
    let state: Mutex<DiskState>

    /// - Parameters:
    ///   - image: What is on it, and durable.
    ///   - entropy: Belongs to this disk alone, or the course of others changes with it.
    public init(_ image: DiskImage = DiskImage(), entropy: any Entropy) {
        state = Mutex(DiskState(image, entropy: entropy))
    }

    /// Opens the database `name`, made when it is missing, as a daemon opens its file: the adapter, its write-ahead log and
    /// its pragmas are those that ship.
    ///
    /// Bodies run where their callers stand, each in a commit of its own: there is no group commit. A failed fsync ends the
    /// process, as it does outside: all that it has open is dead, and then `onStop` hears the error, once.
    ///
    /// - Parameters:
    ///   - synchronous: Anything but `full` is for a control.
    ///   - onStop: Must not use the database; the world counts the process as crashed from then on.
    /// - Throws: `SQLError` when SQLite cannot open or repair the file.
    public func open(
        _ name: String,
        time: any TimeSource,
        limits: SQLiteLimits = SQLiteLimits(),
        synchronous: SQLiteSynchronous = .full,
        log: Logger = Logger(label: "martlet.sqlite") { _ in SwiftLogNoOpLogHandler() },
        onStop: @escaping @Sendable (SQLError) -> Void
    ) throws -> SQLiteDatabase {
        let mount = mounted()
        // SQLite knows the mount by its name only until the first file is open.
        return try withExtendedLifetime(mount) {
            try SQLiteDatabase.inline(
                path: name,
                fileSystem: mount.name,
                time: time,
                limits: limits,
                synchronous: synchronous,
                log: log,
                onFsyncFailure: { [weak self, boot = mount.boot] error in
                    self?.kill(boot)
                    onStop(error)
                }
            )
        }
    }

    func mounted() -> Mount { Mount(self, boot: state.withLock { $0.boot }) }

    // MARK: - What can happen to it

    /// Ends the process, as `kill -9` does: all that it wrote is there, and as little synced as before.
    public func kill() { state.withLock { $0.kill() } }

    private func kill(_ boot: Int) {
        state.withLock { state in
            if state.boot == boot { state.kill() }
        }
    }

    /// Ends the process and the machine, and starts the machine again with what `survival` leaves.
    public func losePower(_ survival: Survival) { state.withLock { $0.losePower(survival) } }

    /// Lets power fail in the middle of a later change (a write, a new size, a sync, a file made or deleted).
    ///
    /// A repeat replaces the plan; a power loss that comes earlier ends it.
    ///
    /// - Parameters:
    ///   - changes: How many changes still pass; 0 is the next one.
    ///   - told: Called when it has happened, from within the process that ended: it must not use a database.
    public func losePower(after changes: Int, _ survival: Survival, told: @escaping @Sendable () -> Void = {}) {
        precondition(changes >= 0)
        state.withLock { $0.plannedPowerLoss = .init(after: changes, survival: survival, told: told) }
    }

    /// What goes wrong by chance, and how much fits.
    public var faults: DiskFaults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// Lets one call fail: that which comes after `calls` others of its kind.
    public func fail(_ fault: DiskFault, after calls: Int = 0) {
        precondition(calls >= 0)
        state.withLock { $0.planned.append((fault, calls)) }
    }

    /// Takes back every fault and power loss that was planned and has not come.
    public func forgetPlans() { state.withLock { ($0.planned, $0.plannedPowerLoss) = ([], nil) } }

    // MARK: - What an observer sees

    /// What it has done, and what has really happened to it.
    public var counts: DiskCounts { state.withLock { $0.counts } }

    /// The files as a program reads them now, for disks to begin from.
    public var image: DiskImage { state.withLock { $0.image } }

    /// The bytes of the file `name`; `nil` when there is none.
    public func size(of name: String) -> Int? { state.withLock { $0.size(ofName: name) } }

    /// What SQLite's own check finds wrong in the database `name`, on a copy: nothing is disturbed.
    ///
    /// Empty when it is sound.
    public func damage(in name: String) -> [String] {
        let copy = Disk(image, entropy: NoEntropy())
        let mount = copy.mounted()
        var database: OpaquePointer?
        let code = sqlite3_open_v2(name, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, mount.name)
        defer { sqlite3_close_v2(database) }
        guard code == SQLITE_OK else { return ["cannot be opened: \(String(cString: sqlite3_errstr(code)))"] }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &statement, nil)
        var found: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            if let text = sqlite3_column_text(statement, 0) { found.append(String(cString: text)) }
        }
        return found == ["ok"] ? [] : found.isEmpty ? [String(cString: sqlite3_errmsg(database))] : found
    }
}

/// For a disk to which nothing happens.
private struct NoEntropy: Entropy {
    func next() -> UInt64 { 0 }
}
