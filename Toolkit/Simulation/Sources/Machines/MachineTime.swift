public import MartletCore
import Synchronization

/// A machine's two clocks: the simulation's, with a skew of the wall clock; after a crash every sleep is cancelled.
public final class MachineTime: TimeSource {
    private struct State {
        var skew: Duration
        var hasStopped = false
    }

    private let base: VirtualTime
    private let state: Mutex<State>

    init(over base: VirtualTime, skew: Duration) {
        self.base = base
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
