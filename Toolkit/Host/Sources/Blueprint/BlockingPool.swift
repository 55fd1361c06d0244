public import MartletCore
import NIOCore
import NIOPosix
import Synchronization

/// Runs work that blocks its thread, on a few threads of its own: the hash of a password, a library without `async`.
///
/// A task that blocks holds up the connections whose event loop it runs on. Work waits in order when all threads are busy, and
/// is refused when too much waits.
public final class BlockingPool: Sendable {
    /// The pool of this process: a thread for each processor.
    public static let process = BlockingPool(threads: System.coreCount, waitingMax: 256)
    /// Runs work at once on the task of its caller, for simulations: a seed cannot control threads.
    package static let inline = BlockingPool(unfinishedMax: .max, threads: nil)

    private let unfinishedMax: Int
    private let unfinished = Mutex(0)
    private let threads: NIOThreadPool?

    /// - Parameters:
    ///   - threads: How many works run at once; at least 1.
    ///   - waitingMax: How many more may wait; 0 refuses immediately.
    public convenience init(threads: Int, waitingMax: Int) {
        precondition(threads >= 1 && waitingMax >= 0)
        let pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        self.init(unfinishedMax: threads + waitingMax, threads: pool)
    }

    private init(unfinishedMax: Int, threads: NIOThreadPool?) {
        self.unfinishedMax = unfinishedMax
        self.threads = threads
    }

    deinit { threads?.shutdownGracefully { _ in } }

    /// Runs `body` on one of the threads.
    ///
    /// It has no task, so its log lines have no request. It cannot be interrupted: after the deadline, or when the task is
    /// cancelled, its result is discarded, and its thread stays busy until it returns. What has not begun then does not run.
    ///
    /// - Parameters:
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - time: The clock of the deadline.
    ///   - body: The work.
    /// - Throws: `Fault` with `overloaded` when too much waits, and with `deadlineExceeded`; `CancellationError`; what `body`
    ///   throws.
    public func run<R: Sendable>(
        until deadline: Moment?,
        time: any TimeSource,
        _ body: @escaping @Sendable () throws -> R
    ) async throws -> R {
        if let deadline, time.now >= deadline { throw Fault.deadlineExceeded }
        guard begin() else { throw BlockingPoolFull() }
        let work = BlockingWork(body)
        if let threads {
            threads.submit { [self] _ in
                work.run()
                end()
            }
        } else {
            work.run()
            end()
        }
        return try await withDeadline(deadline, time) { try await work.value() }
    }

    /// Works that run or wait.
    var unfinishedCount: Int { unfinished.withLock { $0 } }

    private func begin() -> Bool {
        unfinished.withLock { unfinished in
            guard unfinished < unfinishedMax else { return false }
            unfinished += 1
            return true
        }
    }

    private func end() { unfinished.withLock { $0 -= 1 } }
}

/// Too much blocking work waits: nothing was run.
public struct BlockingPoolFull: FaultConvertible, Equatable {
    public var fault: Fault {
        Fault(.resourceExhausted, .overloaded, "too much work waits", retryAfter: .seconds(1), cause: self)
    }
}
