import Foundation
import MartletSQL
import Synchronization

/// Runs bodies on threads of its own, each with its own connection.
///
/// The threads end when this is closed or released.
final class PostgresThreads: SQLRunner {
    private let queue: SQLJobQueue
    private let threads = SQLThreadGroup()

    /// - Parameters:
    ///   - count: Threads, and connections at most.
    ///   - waitingLimit: Bodies that wait; further ones are refused.
    ///   - writer: Runs the bodies, each in a commit of its own: the server commits those of several connections together.
    ///   - make: Makes a connection, which is opened when it is used first.
    init(_ count: Int, waitingLimit: Int, writer: GroupWriter, _ make: () -> sending PostgresConnection) {
        queue = SQLJobQueue(limit: waitingLimit)
        for _ in 0..<count { start(make(), writer) }
    }

    deinit { queue.close() }

    func submit(_ job: SQLJob) { queue.push(job) }

    var waiting: Int { queue.count }

    var running: Int { threads.working }

    func close() async {
        queue.close()
        await threads.waitUntilEmpty()
    }

    private func start(_ connection: sending PostgresConnection, _ writer: GroupWriter) {
        threads.enter()
        let owned = Mutex<PostgresConnection?>(connection)
        let thread = Thread { [queue, threads] in
            while let job = queue.wait() {
                threads.begin()
                owned.withLock { connection in
                    guard let connection else { return }
                    if job.isRead {
                        writer.read(job, on: connection)
                    } else {
                        writer.write(job, next: { nil }, on: connection)
                    }
                }
                threads.end()
            }
            owned.withLock { $0 = nil }
            threads.leave()
        }
        thread.name = "postgres"
        thread.start()
    }
}
