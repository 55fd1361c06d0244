import Foundation
import Logging
import MartletSQL
import Synchronization

/// Runs bodies on its own threads, each with its own connection.
///
/// The threads end when this is closed or released.
final class SQLiteThreads: SQLRunner {
    private let queue: SQLJobQueue
    private let threads = SQLThreadGroup()

    /// Starts one thread that writes on `connection` and checkpoints its log; at its end it releases `lock`.
    static func writing(
        on connection: sending SQLiteConnection,
        _ writer: GroupWriter,
        lock: SQLiteFileLock,
        limits: SQLiteLimits,
        log: Logger
    ) -> SQLiteThreads {
        let threads = SQLiteThreads(limits: limits)
        threads.start("sqlite-writer", connection, atEnd: { lock.release() }) {
            [queue = threads.queue] connection, job in
            writer.write(job, next: { queue.next() }, on: connection)
            connection.checkpointIfDue(log)
        }
        return threads
    }

    /// Starts `limits.readers` threads, each of which reads snapshots on a connection from `open`.
    static func reading(
        _ writer: GroupWriter,
        limits: SQLiteLimits,
        open: () throws -> sending SQLiteConnection
    ) throws -> SQLiteThreads {
        let threads = SQLiteThreads(limits: limits)
        for _ in 0..<limits.readers {
            let connection = try open()
            threads.start("sqlite-reader", connection, atEnd: {}) { writer.read($1, on: $0) }
        }
        return threads
    }

    private init(limits: SQLiteLimits) { queue = SQLJobQueue(limit: limits.waitingBodies) }

    deinit { queue.close() }

    func submit(_ job: SQLJob) { queue.push(job) }

    var waiting: Int { queue.count }

    var running: Int { threads.working }

    func close() async {
        queue.close()
        await threads.waitUntilEmpty()
    }

    private func start(
        _ name: String,
        _ connection: sending SQLiteConnection,
        atEnd: @escaping @Sendable () -> Void,
        work: @escaping @Sendable (SQLiteConnection, SQLJob) -> Void
    ) {
        threads.enter()
        let owned = Mutex<SQLiteConnection?>(connection)
        let thread = Thread { [queue, threads] in
            while let job = queue.wait() {
                threads.begin()
                owned.withLock { if let connection = $0 { work(connection, job) } }
                threads.end()
            }
            owned.withLock { $0 = nil }
            atEnd()
            threads.leave()
        }
        thread.name = name
        thread.start()
    }
}
