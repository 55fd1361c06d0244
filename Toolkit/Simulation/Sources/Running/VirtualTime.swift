public import MartletCore
import Synchronization

/// Two clocks that stand still while any job is ready, and then advance to the next sleeper: a year takes seconds.
///
/// Safe to share between tasks.
public final class VirtualTime: TimeSource {
    private let sleepers: Mutex<Sleepers>

    /// - Parameters:
    ///   - now: The start of the monotonic clock.
    ///   - date: The start of the wall clock.
    public init(
        now: Moment = Moment(nanoseconds: 1_000_000_000),
        date: Timestamp = Timestamp(seconds: 1_767_225_600)
    ) {
        sleepers = Mutex(Sleepers(now: now, date: date))
    }

    public var now: Moment { sleepers.withLock { $0.now } }

    public var date: Timestamp { sleepers.withLock { $0.date } }

    /// How many tasks sleep, and how many actions are to come.
    package var sleeping: Int { sleepers.withLock { $0.count } }

    /// Advances both clocks to the earliest sleeper and wakes all that are due then, in the order in which they began.
    ///
    /// To be called when no job is ready.
    ///
    /// - Returns: False when no task sleeps.
    @discardableResult
    func advanceToNextSleeper() -> Bool {
        let due = sleepers.withLock { $0.advance() }
        for sleeper in due { sleeper.wake() }
        return !due.isEmpty
    }

    /// Advances both clocks in one step, as while all computers are suspended: sleeps that became due end afterwards,
    /// in their order.
    public func skip(by length: Duration) {
        precondition(length >= .zero)
        sleepers.withLock { $0.skip(by: length) }
    }

    /// Calls `action` when the clock reaches `moment`, or advances next when it has passed it, with the returned id.
    func call(at moment: Moment, _ action: @escaping Sleepers.Action) -> Int {
        sleepers.withLock { $0.add(at: moment, action) }
    }

    /// An action that was not called yet will not be; a repeat does nothing.
    func cancelCall(_ id: Int) { sleepers.withLock { $0.remove(action: id) } }

    public func sleep(until moment: Moment) async throws {
        try Task.checkCancellation()
        let id = sleepers.withLock { $0.register() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                switch sleepers.withLock({ $0.add(id, until: moment, continuation) }) {
                case .waits: break
                case .due: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            sleepers.withLock { $0.cancel(id) }?.resume(throwing: CancellationError())
        }
    }
}
