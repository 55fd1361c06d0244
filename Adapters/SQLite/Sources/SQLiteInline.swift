import Logging
import MartletSQL
import Synchronization

/// Runs each body on its caller's thread, one at a time: for tests and simulation, whose order is then deterministic.
final class SQLiteInline: SQLRunner {
    enum Mode { case write, read }

    private let mode: Mode
    private let writer: GroupWriter
    private let shared: SQLiteSharedConnection
    private let log: Logger

    init(_ mode: Mode, on shared: SQLiteSharedConnection, _ writer: GroupWriter, log: Logger) {
        self.mode = mode
        self.log = log
        self.writer = writer
        self.shared = shared
    }

    func submit(_ job: SQLJob) {
        shared.connection.withLock { connection in
            guard let connection else {
                return job.fail(SQLError(.unavailable, code: "closed", message: "the database is closed"))
            }
            switch mode {
            case .write:
                writer.write(job, next: { nil }, on: connection)
                connection.checkpointIfDue(log)
            case .read: writer.read(job, on: connection)
            }
        }
    }

    /// Bodies are never queued: callers wait for the connection's lock.
    var waiting: Int { 0 }

    var running: Int { 0 }

    func close() async { shared.connection.withLock { $0 = nil } }
}

/// The only connection of a database whose bodies run inline; `nil` once it is closed.
final class SQLiteSharedConnection: Sendable {
    let connection: Mutex<SQLiteConnection?>

    init(_ connection: sending SQLiteConnection) { self.connection = Mutex(connection) }
}
