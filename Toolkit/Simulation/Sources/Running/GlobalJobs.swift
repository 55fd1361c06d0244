import Synchronization
@_spi(ExperimentalCustomExecutors) import _Concurrency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Counts the jobs that escape a simulation to an executor of the process.
///
/// A task without a parent, a sleep on the system's clocks, a hop to the main actor: each of them runs on another
/// thread, at a time that no seed decides. The runtime's hook covers global jobs only, since sleeps and main-actor jobs
/// bypass all hooks; so both executors are wrapped, too. Threads and queues are not detected until they resume a task
/// of a simulation, which is then counted in ``SeededExecutor/foreignJobs``.
package enum GlobalJobs {
    /// The executor that an escaped job goes to.
    package enum Kind: Sendable, CaseIterable {
        /// The global executor, to run as soon as possible.
        case now
        /// The global executor, to run at a time of the system's clocks.
        case later
        /// The main actor.
        case main
    }

    // A job is one pointer, which C's calling convention passes as Swift's does.
    private typealias Original = @convention(c) (OpaquePointer) -> Void
    private typealias Hook = @convention(c) (OpaquePointer, Original) -> Void

    private static let hooked = Atomic<Int>(0)
    private static let now = Atomic<Int>(0)
    private static let later = Atomic<Int>(0)
    private static let main = Atomic<Int>(0)

    /// Jobs since ``watch()``.
    package static var count: Int { Kind.allCases.reduce(0) { $0 + count($1) } }

    /// Jobs of this kind since ``watch()``.
    package static func count(_ kind: Kind) -> Int {
        switch kind {
        // Hooked jobs reach the executor as well; jobs that name the executor bypass the hook.
        case .now: max(hooked.load(ordering: .relaxed), now.load(ordering: .relaxed))
        case .later: later.load(ordering: .relaxed)
        case .main: main.load(ordering: .relaxed)
        }
    }

    private static let hook: Hook = { job, original in
        hooked.add(1, ordering: .relaxed)
        original(job)
    }

    /// Starts counting, for the rest of the process; the jobs still run.
    ///
    /// A repeat changes nothing.
    ///
    /// - Returns: False when this runtime cannot be watched.
    package static func watch() -> Bool {
        guard let symbol = dlsym(nil, "swift_task_enqueueGlobal_hook"), WatchedExecutors.canWatch else { return false }
        symbol.assumingMemoryBound(to: Hook?.self).pointee = hook
        _createExecutors(factory: WatchedExecutors.self)
        return true
    }

    static func add(_ kind: Kind) {
        switch kind {
        case .now: now.add(1, ordering: .relaxed)
        case .later: later.add(1, ordering: .relaxed)
        case .main: main.add(1, ordering: .relaxed)
        }
    }
}
