public import MartletCore
import Synchronization

/// Two clocks that stand still while anything can run, and then move to the next sleeper: a year passes in seconds.
///
/// Safe to share between tasks.
public final class VirtualTime: TimeSource {
    private let sleepers: Mutex<Sleepers>

    /// - Parameters:
    ///   - now: Where the monotonic clock begins.
    ///   - date: Where the wall clock begins.
    public init(
        now: Moment = Moment(nanoseconds: 1_000_000_000),
        date: Timestamp = Timestamp(seconds: 1_767_225_600)
    ) {
        sleepers = Mutex(Sleepers(now: now, date: date))
    }

    public var now: Moment { sleepers.withLock { $0.now } }

    public var date: Timestamp { sleepers.withLock { $0.date } }

    /// How many tasks sleep at this moment.
    public var sleeping: Int { sleepers.withLock { $0.count } }

    /// Moves both clocks to the earliest sleeper and wakes all that are due then, in the order in which they fell asleep.
    ///
    /// To be called when nothing can run.
    ///
    /// - Returns: False when nobody sleeps.
    @discardableResult
    public func advanceToNextSleeper() -> Bool {
        let due = sleepers.withLock { $0.advance() }
        for sleeper in due { sleeper.resume() }
        return !due.isEmpty
    }

    /// Moves both clocks at once, as for everybody who was asleep: whoever is due meanwhile wakes afterwards, in their sequence.
    public func leap(by length: Duration) {
        precondition(length >= .zero)
        sleepers.withLock { $0.leap(by: length) }
    }

    public func sleep(until moment: Moment) async throws {
        try Task.checkCancellation()
        let id = sleepers.withLock { $0.enter() }
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
