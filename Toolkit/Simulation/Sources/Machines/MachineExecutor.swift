import Synchronization

/// Where the tasks of one simulated machine run: on the seeded executor, and not at all while the machine is paused.
public final class MachineExecutor: TaskExecutor {
    private struct State {
        var isPaused = false
        var held: [UnownedJob] = []
    }

    private let seeded: SeededExecutor
    private let state = Mutex(State())

    init(on seeded: SeededExecutor) { self.seeded = seeded }

    public func enqueue(_ job: consuming ExecutorJob) { seeded.add(UnownedJob(job), of: self) }

    var isPaused: Bool { state.withLock { $0.isPaused } }

    func pause() { state.withLock { $0.isPaused = true } }

    /// Lets everything that was held run in its turn.
    func resume() {
        let held = state.withLock { state in
            let held = state.held
            state = State()
            return held
        }
        for job in held { seeded.add(job, of: self) }
    }

    /// Keeps the job until ``resume()``; false when the machine runs.
    func holds(_ job: UnownedJob) -> Bool {
        state.withLock { state in
            if state.isPaused { state.held.append(job) }
            return state.isPaused
        }
    }
}
