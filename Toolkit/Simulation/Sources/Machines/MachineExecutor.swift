import Synchronization

/// Runs the tasks of one simulated machine on the seeded executor, and none while the machine is paused.
final class MachineExecutor: TaskExecutor {
    private struct State {
        var isPaused = false
        var deferredJobs: [UnownedJob] = []
    }

    private let seeded: SeededExecutor
    private let state = Mutex(State())

    init(on seeded: SeededExecutor) { self.seeded = seeded }

    func enqueue(_ job: consuming ExecutorJob) { seeded.add(UnownedJob(job), of: self) }

    var isPaused: Bool { state.withLock { $0.isPaused } }

    func pause() { state.withLock { $0.isPaused = true } }

    /// Enqueues the deferred jobs.
    func resume() {
        let deferredJobs = state.withLock { state in
            let deferredJobs = state.deferredJobs
            state = State()
            return deferredJobs
        }
        for job in deferredJobs { seeded.add(job, of: self) }
    }

    /// Defers the job until ``resume()``; false when the machine runs.
    func deferIfPaused(_ job: UnownedJob) -> Bool {
        state.withLock { state in
            if state.isPaused { state.deferredJobs.append(job) }
            return state.isPaused
        }
    }
}
