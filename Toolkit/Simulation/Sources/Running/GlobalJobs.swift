import Glibc
import Synchronization
@_spi(ExperimentalCustomExecutors) import _Concurrency

/// Counts what escapes a simulation: jobs that are given to an executor of the process.
///
/// A task without a parent, a sleep on the machine's clocks, a hop to the main actor: each of them runs on another thread, at a
/// time that no seed decides. The runtime's hook sees global jobs only, since sleepers and the main actor go to their executors
/// past all hooks; so both executors are watched, too. Threads and queues are not seen until they resume a task of a
/// simulation, which is then counted in ``SeededExecutor/foreignJobs``.
public enum GlobalJobs {
    /// How a job leaves.
    public enum Way: Sendable, CaseIterable {
        /// To run on another thread as soon as may be.
        case now
        /// To run when the machine's clocks say so.
        case later
        /// To run on the main actor.
        case main
    }

    // A job is one pointer, which C's convention passes where Swift's does.
    private typealias Original = @convention(c) (OpaquePointer) -> Void
    private typealias Hook = @convention(c) (OpaquePointer, Original) -> Void

    private static let hooked = Atomic<Int>(0)
    private static let now = Atomic<Int>(0)
    private static let later = Atomic<Int>(0)
    private static let main = Atomic<Int>(0)

    /// Jobs since ``watch()``.
    public static var count: Int { Way.allCases.reduce(0) { $0 + count($1) } }

    /// Jobs since ``watch()`` that left this way.
    public static func count(_ way: Way) -> Int {
        switch way {
        // What the hook sees comes to the executor as well, and what is given to the executor by its name passes no hook.
        case .now: max(hooked.load(ordering: .relaxed), now.load(ordering: .relaxed))
        case .later: later.load(ordering: .relaxed)
        case .main: main.load(ordering: .relaxed)
        }
    }

    private static let hook: Hook = { job, original in
        hooked.add(1, ordering: .relaxed)
        original(job)
    }

    /// Begins to count, for the rest of the process; the jobs run all the same.
    ///
    /// A repeat changes nothing.
    ///
    /// - Returns: False when this runtime cannot be watched.
    public static func watch() -> Bool {
        guard let place = dlsym(nil, "swift_task_enqueueGlobal_hook"), WatchedExecutors.canWatch else { return false }
        place.assumingMemoryBound(to: Hook?.self).pointee = hook
        _createExecutors(factory: WatchedExecutors.self)
        return true
    }

    static func add(_ way: Way) {
        switch way {
        case .now: now.add(1, ordering: .relaxed)
        case .later: later.add(1, ordering: .relaxed)
        case .main: main.add(1, ordering: .relaxed)
        }
    }
}
