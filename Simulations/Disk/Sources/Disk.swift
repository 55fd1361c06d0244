import CSQLite
public import Logging
public import MartletCore
public import MartletSQL
public import MartletSQLite
import Synchronization

/// The disk of one simulated machine: an in-memory file system for SQLite with fault injection.
///
/// It has two layers, as a real one: what was written, and what was synced. Without injected faults the file system
/// that SQLite sees behaves correctly; random numbers come from the given source alone. One process runs on it at a
/// time: `kill()`, `losePower(_:)` and a failed sync end that process, and all its open files fail from then on, so
/// that no late call of it reaches a file. Not simulated: faults below sectors, bit flips, a disk that reports syncs it
/// did not do.
public final class Disk: Sendable {
    let state: Mutex<DiskState>

    /// - Parameters:
    ///   - image: The initial files; they are durable.
    ///   - entropy: Not shared with other disks: their runs would change with this one.
    public init(_ image: DiskImage = DiskImage(), entropy: any Entropy) {
        state = Mutex(DiskState(image, entropy: entropy))
    }

    /// Opens the database `name`, created when it is missing, as a daemon does: adapter, write-ahead log and pragmas
    /// are those of production.
    ///
    /// Bodies run on their callers' executors, each in a commit of its own: there is no group commit. A failed fsync
    /// ends the process, as in production: all its open files fail, and then `onStop` is called with the error, once.
    ///
    /// - Parameters:
    ///   - name: The name of the file.
    ///   - time: The clocks of the process.
    ///   - limits: As in production.
    ///   - listeners: Who is notified of commits: other processes too, where the opening one is a database server.
    ///   - synchronous: Values other than `full` are for control runs.
    ///   - log: For slow bodies and failures.
    ///   - onStop: Must not use the database; the process counts as crashed from then on.
    /// - Throws: `SQLError` when SQLite cannot open or repair the file.
    public func open(
        _ name: String,
        time: any TimeSource,
        limits: SQLiteLimits = SQLiteLimits(),
        listeners: SQLListeners = SQLListeners(),
        synchronous: SQLiteSynchronous = .full,
        log: Logger = Logger(label: "martlet.sqlite") { _ in SwiftLogNoOpLogHandler() },
        onStop: @escaping @Sendable (SQLError) -> Void
    ) throws -> SQLiteDatabase {
        let mount = mounted()
        // SQLite does not retain the mount before the first file is open.
        return try withExtendedLifetime(mount) {
            try SQLiteDatabase.inline(
                path: name,
                fileSystem: mount.name,
                time: time,
                limits: limits,
                listeners: listeners,
                synchronous: synchronous,
                log: log,
                onFsyncFailure: { [weak self, processRun = mount.processRun] error in
                    self?.kill(processRun)
                    onStop(error)
                }
            )
        }
    }

    func mounted() -> Mount { Mount(self, processRun: state.withLock { $0.processRun }) }

    // MARK: - Faults

    /// Ends the process, as `kill -9` does: its writes stay, and unsynced ones stay unsynced.
    public func kill() { state.withLock { $0.kill() } }

    private func kill(_ processRun: Int) {
        state.withLock { state in
            if state.processRun == processRun { state.kill() }
        }
    }

    /// Cuts and restores power: the process ends, and `survival` decides which unsynced writes remain.
    public func losePower(_ survival: Survival) { state.withLock { $0.losePower(survival) } }

    /// Plans a power loss in the middle of a later change (a write, a truncation, a sync, a file created or deleted).
    ///
    /// A repeat replaces the plan; an earlier power loss cancels it.
    ///
    /// - Parameters:
    ///   - changes: How many changes still succeed; 0 is the next one.
    ///   - survival: Which unsynced writes remain.
    ///   - onLoss: Called after the loss, from within the process that ended: it must not use a database.
    public func losePower(after changes: Int, _ survival: Survival, onLoss: @escaping @Sendable () -> Void = {}) {
        precondition(changes >= 0)
        state.withLock { $0.plannedPowerLoss = .init(after: changes, survival: survival, onLoss: onLoss) }
    }

    /// Ends the process, and puts the files of `image` in the place of all others; they are durable.
    public func replace(with image: DiskImage) { state.withLock { $0.replace(with: image) } }

    /// Random faults, and the capacity.
    public var faults: DiskFaults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// Plans one failed call: the one after `calls` others of its kind.
    public func fail(_ fault: DiskFault, after calls: Int = 0) {
        precondition(calls >= 0)
        state.withLock { $0.planned.append((fault, calls)) }
    }

    /// Cancels all planned faults and the planned power loss.
    public func cancelPlannedFaults() { state.withLock { ($0.planned, $0.plannedPowerLoss) = ([], nil) } }

    // MARK: - Inspection

    /// Counters of calls and of injected faults.
    public var counts: DiskCounts { state.withLock { $0.counts } }

    /// The files as a program reads them now, as an initial state of other disks.
    public var image: DiskImage { state.withLock { $0.image } }

    /// The size of the file `name` in bytes; `nil` when there is none.
    package func size(of name: String) -> Int? { state.withLock { $0.size(ofName: name) } }

    /// The result of SQLite's integrity check of the database `name`, run on a copy.
    ///
    /// Empty when the database is intact.
    package func damage(in name: String) -> [String] {
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

/// For a disk without faults.
private struct NoEntropy: Entropy {
    func next() -> UInt64 { 0 }
}
