import Logging
import MartletSQL
import Synchronization

/// Runs a body where its caller stands, one at a time: for tests and simulation, whose order is then the caller's.
final class SQLiteInline: SQLRunner {
    enum Way { case write, read }

    private let way: Way
    private let writer: GroupWriter
    private let shared: SQLiteSharedConnection
    private let log: Logger

    init(_ way: Way, on shared: SQLiteSharedConnection, _ writer: GroupWriter, log: Logger) {
        self.way = way
        self.log = log
        self.writer = writer
        self.shared = shared
    }

    func submit(_ job: SQLJob) {
        shared.connection.withLock { connection in
            guard let connection else {
                return job.fail(SQLError(.unavailable, code: "closed", message: "the database is closed"))
            }
            switch way {
            case .write:
                writer.write(job, next: { nil }, on: connection)
                connection.checkpointIfDue(log)
            case .read: writer.read(job, on: connection)
            }
        }
    }

    /// A caller who waits for another one's body has not handed over his own.
    var waiting: Int { 0 }

    func close() async { shared.connection.withLock { $0 = nil } }
}

/// The one connection of a database whose bodies run inline.
///
/// It lives as long as somebody may ask it.
final class SQLiteSharedConnection: Sendable {
    let connection: Mutex<SQLiteConnection?>

    init(_ connection: sending SQLiteConnection) { self.connection = Mutex(connection) }
}
