public import MartletCore
import Synchronization

/// A machine's two clocks: the simulation's, with a skew of the wall clock; after a crash every sleep is cancelled.
public final class MachineTime: TimeSource {
    private struct State {
        var skew: Duration
        var hasStopped = false
        /// Tasks that run until a deadline, by the id of its action.
        var limited: [Int: LimitedTask] = [:]
    }

    /// It can be cancelled until its entry is removed, before it ends.
    ///
    /// Unchecked: of the functions of a task only `cancel` is called, which is safe from any other task.
    private struct LimitedTask: @unchecked Sendable {
        let task: UnsafeCurrentTask
    }

    private let base: VirtualTime
    private let executor: MachineExecutor
    private let state: Mutex<State>

    init(over base: VirtualTime, skew: Duration, on executor: MachineExecutor) {
        self.base = base
        self.executor = executor
        state = Mutex(State(skew: skew))
    }

    public var now: Moment { base.now }

    public var date: Timestamp { base.date + state.withLock { $0.skew } }

    /// Lets the wall clock jump.
    public func jump(by step: Duration) { state.withLock { $0.skew += step } }

    public func sleep(until moment: Moment) async throws {
        if state.withLock({ $0.hasStopped }) { throw CancellationError() }
        try await base.sleep(until: moment)
        if state.withLock({ $0.hasStopped }) { throw CancellationError() }
    }

    func stop() { state.withLock { $0.hasStopped = true } }
}

extension MachineTime: DeadlineWatcher {
    /// Without a sleeping task beside each call a simulated world runs a fifth fewer jobs.
    package func run<R: Sendable>(until deadline: Moment, _ body: @Sendable () async throws -> R) async throws -> R? {
        try await withUnsafeCurrentTask { task in
            guard let task else { return try await body() }
            let id = watch(LimitedTask(task: task), until: deadline)
            do {
                let result = try await body()
                return forget(id) ? result : nil
            } catch {
                guard forget(id) else { return nil }
                throw error
            }
        }
    }

    private func watch(_ task: LimitedTask, until deadline: Moment) -> Int {
        let id = base.call(at: deadline) { [weak self] in self?.expire($0) }
        state.withLock { $0.limited[id] = task }
        // It has passed while the machine was paused.
        if deadline <= now { expire(id) }
        return id
    }

    /// - Returns: False when the task was cancelled.
    private func forget(_ id: Int) -> Bool {
        base.cancelCall(id)
        return state.withLock { $0.limited.removeValue(forKey: id) != nil }
    }

    /// Cancels the task in a job of the machine: one that is paused does nothing at a deadline, and when it resumes, what
    /// it waited for may come before that.
    private func expire(_ id: Int) {
        Task.detached(executorPreference: executor) { [self] in
            state.withLock { $0.limited.removeValue(forKey: id) }?.task.cancel()
        }
    }
}
