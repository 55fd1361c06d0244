import MartletCore
import Synchronization

/// One run of a process on a simulated computer: what it does can be frozen, or end between two steps as by `kill -9`.
///
/// A crash cuts the machine off at once: its clock, database and network refuse, and its tasks are cancelled, so that whatever
/// they still do on their way out reaches nobody. A restart is another machine.
public final class Machine: Sendable {
    /// The machine whose code this is; `nil` outside of all.
    @TaskLocal public static var current: Machine?

    /// As in `orders-2`.
    public let name: String
    public let executor: MachineExecutor
    public let time: MachineTime
    private let life = Mutex(Life())
    /// Different from every other's.
    private let process = Machine.last.add(1, ordering: .relaxed).newValue

    private static let last = Atomic(0)

    private struct Trap {
        let point: String
        var hits: Int
        let told: @Sendable () -> Void
    }

    private struct Life {
        var isUp = true
        var tasks: [Int: Task<Void, Never>] = [:]
        var last = 0
        /// A crash point and the hit at which the machine ends.
        var trap: Trap?
        var hits: [String: Int] = [:]
        var watcher: (@Sendable (_ point: String) -> Bool)?
        var wills: [@Sendable () -> Void] = []
    }

    /// - Parameter skew: How far its wall clock is ahead of the simulation's.
    public init(_ name: String, in simulation: Simulation, skew: Duration = .zero) {
        self.name = name
        executor = MachineExecutor(on: simulation.executor)
        time = MachineTime(over: simulation.time, skew: skew)
    }

    public var isUp: Bool { life.withLock { $0.isUp } }

    /// How often each crash point was passed.
    public var hits: [String: Int] { life.withLock { $0.hits } }

    /// - Throws: `CancellationError` when the machine is no more.
    public func check() throws { if !isUp { throw CancellationError() } }

    /// Runs `body` as the machine's own; does nothing when it is no more.
    @discardableResult
    public func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        let id: Int? = life.withLock { life in
            guard life.isUp else { return nil }
            life.last += 1
            return life.last
        }
        guard let id else { return nil }
        // Detached: a message brings nothing of its sender's task along.
        let task = Task.detached(executorPreference: executor) { [self] in
            await ProcessScope.$current.withValue(process) {
                await Machine.$current.withValue(self) {
                    await CrashPoints.$observer.withValue(.init { self.pass($0) }) { await body() }
                }
            }
            life.withLock { $0.tasks[id] = nil }
        }
        // The task cannot have run yet: one thread runs all.
        life.withLock { $0.tasks[id] = task }
        return task
    }

    /// Ends the machine at the `hit`-th time that it passes `point`, counted from now; `told` is called then.
    ///
    /// A repeat replaces the former.
    public func crash(at point: String, hit: Int = 1, told: @escaping @Sendable () -> Void = {}) {
        life.withLock { $0.trap = Trap(point: point, hits: hit, told: told) }
    }

    /// Calls `watcher` at every crash point from now on; the machine ends there when it answers true.
    ///
    /// A repeat replaces the former.
    public func watch(_ watcher: @escaping @Sendable (_ point: String) -> Bool) {
        life.withLock { $0.watcher = watcher }
    }

    /// Calls `will` when the machine has ended, before anything else runs.
    public func onCrash(_ will: @escaping @Sendable () -> Void) { life.withLock { $0.wills.append(will) } }

    /// Ends the machine now; a repeat does nothing.
    public func crash() {
        let (tasks, wills) = life.withLock { life in
            defer { (life.isUp, life.tasks, life.wills) = (false, [:], []) }
            return (life.tasks.sorted { $0.key < $1.key }.map(\.value), life.wills)
        }
        time.stop()
        for will in wills { will() }
        for task in tasks { task.cancel() }
        executor.resume()
    }

    /// Freezes the machine as SIGSTOP does; its clocks go on.
    public func pause() { executor.pause() }

    public func resume() { executor.resume() }

    /// Returns when the machine is not frozen: at once, or after ``resume()`` or ``crash()``.
    public func thaw() async {
        guard executor.isPaused else { return }
        // What is to run there waits until then.
        await withTaskExecutorPreference(executor) { await Task.yield() }
    }

    /// What a crash point calls.
    ///
    /// The code that passed it goes on to its next suspension, since it cannot be cut off; nothing that it does takes effect.
    func pass(_ point: String) {
        let (sprung, watcher): (Trap?, (@Sendable (String) -> Bool)?) = life.withLock { life in
            guard life.isUp else { return (nil, nil) }
            life.hits[point, default: 0] += 1
            guard life.trap?.point == point else { return (nil, life.watcher) }
            life.trap?.hits -= 1
            return (life.trap.flatMap { $0.hits <= 0 ? $0 : nil }, life.watcher)
        }
        let isWatched = watcher?(point) ?? false
        sprung?.told()
        if sprung != nil || isWatched { crash() }
    }
}
