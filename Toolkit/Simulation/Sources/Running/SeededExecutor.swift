import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs all tasks of a program on one thread, in an order that follows from a seed.
///
/// The child tasks, task groups, default actors, streams and continuations of a task that prefers it run here.
/// Unstructured tasks, the main actor, dispatch queues, threads, event loops and the system's clocks escape it; jobs
/// that are enqueued from there are counted in ``foreignJobs``. Jobs run in the thread of the ``Simulation``.
public final class SeededExecutor: TaskExecutor {
    fileprivate struct QueuedJob {
        let job: UnownedJob
        /// The machine of the job; `nil` outside of all machines.
        let machine: MachineExecutor?
    }

    fileprivate struct State {
        var queue: [QueuedJob] = []
        var random: UInt64
        var trace = Fingerprint()
        var steps = 0
        var foreignJobs = 0
        var owner = pthread_self()
    }

    private let state: Mutex<State>

    init(seed: UInt64) {
        // Xorshift never leaves zero.
        state = Mutex(State(random: (seed &* 0x9E37_79B9_7F4A_7C15) | 1))
    }

    /// Covers every choice: equal for two runs that took the same path.
    public var trace: Fingerprint { state.withLock { $0.trace } }

    /// Jobs that have run.
    public var steps: Int { state.withLock { $0.steps } }

    /// Jobs that came from another thread: must stay 0, or the run cannot be repeated.
    public var foreignJobs: Int { state.withLock { $0.foreignJobs } }

    public func enqueue(_ job: consuming ExecutorJob) { add(UnownedJob(job), of: nil) }

    /// Enqueues a job of one machine among the jobs of all.
    func add(_ job: UnownedJob, of machine: MachineExecutor?) {
        state.withLock { state in
            if pthread_equal(state.owner, pthread_self()) == 0 { state.foreignJobs += 1 }
            state.queue.append(QueuedJob(job: job, machine: machine))
        }
    }

    /// Runs jobs until the queue is empty; false when `limit` of them have run and more are queued.
    @discardableResult
    package func drain(limit: Int = .max) -> Bool {
        state.withLock { $0.owner = pthread_self() }
        for _ in 0..<limit {
            guard let next = state.withLock({ $0.choose() }) else { return true }
            guard let machine = next.machine else {
                next.job.runSynchronously(on: asUnownedTaskExecutor())
                continue
            }
            if !machine.deferIfPaused(next.job) { next.job.runSynchronously(on: machine.asUnownedTaskExecutor()) }
        }
        return state.withLock { $0.queue.isEmpty }
    }

    /// Adds to the trace what decides the run besides the order of jobs, such as a new time.
    func record(_ value: UInt64) { state.withLock { $0.trace.add(value) } }
}

extension SeededExecutor.State {
    fileprivate mutating func choose() -> SeededExecutor.QueuedJob? {
        guard !queue.isEmpty else { return nil }
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let choice = Int(random % UInt64(queue.count))
        trace.add(UInt64(choice) | UInt64(queue.count) << 32)
        steps += 1
        // Swapped with the last: removing from the middle would cost O(queue).
        queue.swapAt(choice, queue.count - 1)
        return queue.removeLast()
    }
}
