import Glibc
import Synchronization

/// Runs all tasks of a program on one thread, in an order that follows from a seed.
///
/// The child tasks, task groups, default actors, streams and continuations of a task that prefers it run here. What escapes
/// it: unstructured tasks, the main actor, dispatch queues, threads, event loops, the machine's clocks. What comes back
/// from there is counted in ``foreignJobs``. Jobs run in the thread that calls ``drain(limit:)``.
public final class SeededExecutor: TaskExecutor {
    fileprivate struct Waiting {
        let job: UnownedJob
        /// Where it belongs; `nil` when to no machine.
        let machine: MachineExecutor?
    }

    fileprivate struct State {
        var waiting: [Waiting] = []
        var random: UInt64
        var trace = Fingerprint()
        var steps = 0
        var foreignJobs = 0
        var owner = pthread_self()
    }

    private let state: Mutex<State>

    public init(seed: UInt64) {
        // Xorshift never leaves zero.
        state = Mutex(State(random: (seed &* 0x9E37_79B9_7F4A_7C15) | 1))
    }

    /// Of every choice that was made: equal for two runs that took the same path.
    public var trace: Fingerprint { state.withLock { $0.trace } }

    /// Jobs that have run.
    public var steps: Int { state.withLock { $0.steps } }

    /// Jobs that came from another thread: must stay 0, or the run cannot be repeated.
    public var foreignJobs: Int { state.withLock { $0.foreignJobs } }

    public func enqueue(_ job: consuming ExecutorJob) { add(UnownedJob(job), of: nil) }

    /// Takes a job of one machine; it runs in its turn among those of all.
    func add(_ job: UnownedJob, of machine: MachineExecutor?) {
        state.withLock { state in
            if pthread_equal(state.owner, pthread_self()) == 0 { state.foreignJobs += 1 }
            state.waiting.append(Waiting(job: job, machine: machine))
        }
    }

    /// Runs jobs until none waits; false when `limit` of them have run and there are more.
    @discardableResult
    public func drain(limit: Int = .max) -> Bool {
        state.withLock { $0.owner = pthread_self() }
        for _ in 0..<limit {
            guard let next = state.withLock({ $0.choose() }) else { return true }
            guard let machine = next.machine else {
                next.job.runSynchronously(on: asUnownedTaskExecutor())
                continue
            }
            if !machine.holds(next.job) { next.job.runSynchronously(on: machine.asUnownedTaskExecutor()) }
        }
        return state.withLock { $0.waiting.isEmpty }
    }

    /// Adds what decides the course beside the order of jobs to the trace, such as the time that has come.
    public func note(_ word: UInt64) { state.withLock { $0.trace.add(word) } }
}

extension SeededExecutor.State {
    fileprivate mutating func choose() -> SeededExecutor.Waiting? {
        guard !waiting.isEmpty else { return nil }
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let choice = Int(random % UInt64(waiting.count))
        trace.add(UInt64(choice) | UInt64(waiting.count) << 32)
        steps += 1
        // Exchanged with the last, since removing from the middle would cost the length of the queue.
        waiting.swapAt(choice, waiting.count - 1)
        return waiting.removeLast()
    }
}
