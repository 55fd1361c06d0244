import MartletCore
import Synchronization

/// One run of a process on a simulated computer; it can be paused, or crash between two steps as by `kill -9`.
///
/// A crash isolates the machine immediately: its clock, database and network refuse, and its tasks are cancelled, so
/// that nothing they still do has an effect. A restart is another machine.
public final class Machine: Sendable {
    /// The machine that runs the current task; `nil` outside of all machines.
    @TaskLocal static var current: Machine?

    /// As in `links-2`.
    public let name: String
    let executor: MachineExecutor
    public let time: MachineTime
    private let state = Mutex(State())

    private struct PlannedCrash {
        let point: String
        var hits: Int
        let onCrash: @Sendable () -> Void
    }

    private struct State {
        var isUp = true
        var tasks: [Int: Task<Void, Never>] = [:]
        var last = 0
        /// The crash point and the hit at which the machine crashes.
        var plannedCrash: PlannedCrash?
        var hits: [String: Int] = [:]
        var watcher: (@Sendable (_ point: String) -> Bool)?
        var crashHandlers: [@Sendable () -> Void] = []
    }

    /// - Parameters:
    ///   - name: As in `links-2`.
    ///   - simulation: Schedules the machine's tasks and advances its clocks.
    ///   - skew: How far its wall clock is ahead of the simulation's.
    public init(_ name: String, in simulation: Simulation, skew: Duration = .zero) {
        self.name = name
        executor = MachineExecutor(on: simulation.executor)
        time = MachineTime(over: simulation.time, skew: skew, on: executor)
    }

    public var isUp: Bool { state.withLock { $0.isUp } }

    /// How often each crash point was passed.
    public var hits: [String: Int] { state.withLock { $0.hits } }

    /// - Throws: `CancellationError` when the machine has crashed.
    public func check() throws { if !isUp { throw CancellationError() } }

    /// Runs `body` on the machine; does nothing when it has crashed.
    @discardableResult
    public func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        let id: Int? = state.withLock { state in
            guard state.isUp else { return nil }
            state.last += 1
            return state.last
        }
        guard let id else { return nil }
        // Detached: a message carries no task-locals of its sender.
        let task = Task.detached(executorPreference: executor) { [self] in
            await Machine.$current.withValue(self) {
                let observer = CrashPoints.Observer(passed: { self.passCrashPoint($0) })
                await CrashPoints.$observer.withValue(observer) { await body() }
            }
            state.withLock { $0.tasks[id] = nil }
        }
        // The task cannot have run yet: one thread runs all tasks.
        state.withLock { $0.tasks[id] = task }
        return task
    }

    /// Crashes the machine at the `hit`-th time that it passes `point`, counted from now, and then calls `onCrash`.
    ///
    /// A repeat replaces the planned crash.
    public func crash(at point: String, hit: Int = 1, onCrash: @escaping @Sendable () -> Void = {}) {
        state.withLock { $0.plannedCrash = PlannedCrash(point: point, hits: hit, onCrash: onCrash) }
    }

    /// Forgets a planned crash that has not happened.
    public func cancelPlannedCrash() { state.withLock { $0.plannedCrash = nil } }

    /// Calls `watcher` at every crash point from now on; the machine crashes there when it returns true.
    ///
    /// A repeat replaces the watcher.
    public func watch(_ watcher: @escaping @Sendable (_ point: String) -> Bool) {
        state.withLock { $0.watcher = watcher }
    }

    /// Calls `handler` when the machine has crashed, before anything else runs.
    public func onCrash(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.crashHandlers.append(handler) }
    }

    /// Crashes the machine now; a repeat does nothing.
    public func crash() {
        let (tasks, crashHandlers) = state.withLock { state in
            defer { (state.isUp, state.tasks, state.crashHandlers) = (false, [:], []) }
            return (state.tasks.sorted { $0.key < $1.key }.map(\.value), state.crashHandlers)
        }
        time.stop()
        for handler in crashHandlers { handler() }
        for task in tasks { task.cancel() }
        executor.resume()
    }

    /// Pauses the machine as SIGSTOP does; its clocks keep running.
    public func pause() { executor.pause() }

    public func resume() { executor.resume() }

    /// Returns when the machine is not paused: immediately, or after ``resume()`` or ``crash()``.
    package func waitUntilResumed() async {
        guard executor.isPaused else { return }
        // A job of this machine runs only then.
        await withTaskExecutorPreference(executor) { await Task.yield() }
    }

    /// Called at every crash point.
    ///
    /// After a crash the code continues to its next suspension, since it cannot be interrupted; nothing it does has an
    /// effect.
    func passCrashPoint(_ point: String) {
        let (due, watcher): (PlannedCrash?, (@Sendable (String) -> Bool)?) = state.withLock { state in
            guard state.isUp else { return (nil, nil) }
            state.hits[point, default: 0] += 1
            guard state.plannedCrash?.point == point else { return (nil, state.watcher) }
            state.plannedCrash?.hits -= 1
            return (state.plannedCrash.flatMap { $0.hits <= 0 ? $0 : nil }, state.watcher)
        }
        let isWatched = watcher?(point) ?? false
        due?.onCrash()
        if due != nil || isWatched { crash() }
    }
}
