public import MartletCore
import Synchronization

/// Two clocks that only a test advances, which wakes the sleepers that are due.
///
/// Safe to share between tasks.
public final class ManualTime: TimeSource {
    private let state: Mutex<WatchedSleepers>

    /// - Parameters:
    ///   - now: The initial time of the monotonic clock.
    ///   - date: The initial time of the wall clock.
    public init(
        now: Moment = Moment(nanoseconds: 1_000_000_000),
        date: Timestamp = Timestamp(seconds: 1_767_225_600)
    ) {
        state = Mutex(WatchedSleepers(Sleepers(now: now, date: date)))
    }

    public var now: Moment { state.withLock { $0.sleepers.now } }

    public var date: Timestamp { state.withLock { $0.sleepers.date } }

    /// The number of sleeping tasks.
    public var sleeping: Int { state.withLock { $0.sleepers.count } }

    /// Advances both clocks and wakes every sleeper that is due, the earliest first.
    ///
    /// A woken task runs when it is scheduled, not before this returns; one that sleeps again counts from the new time.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "time does not run backwards; jumpDate(by:) moves the wall clock")
        let due = state.withLock { $0.sleepers.advance(to: $0.sleepers.now + duration) }
        for sleeper in due { sleeper.wake() }
    }

    /// Advances both clocks to the earliest sleeper and wakes it; false when no task sleeps.
    @discardableResult
    public func advanceToNextSleeper() -> Bool {
        let due = state.withLock { $0.sleepers.advance() }
        for sleeper in due { sleeper.wake() }
        return !due.isEmpty
    }

    /// Moves only the wall clock, forward or backward, as an operator or NTP does.
    ///
    /// Wakes no task.
    public func jumpDate(by offset: Duration) { state.withLock { $0.sleepers.jumpDate(by: offset) } }

    /// Suspends until at least `count` tasks sleep, so that other tasks are idle before time is advanced.
    ///
    /// Returns early when the task is cancelled, so that a test's time limit ends a wait that never succeeds.
    public func waitForSleepers(_ count: Int = 1) async {
        let id = state.withLock { $0.register() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { $0.watch(id, for: count, continuation) }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.cancel(id) }?.resume()
        }
    }

    public func sleep(until moment: Moment) async throws {
        try Task.checkCancellation()
        let id = state.withLock { $0.sleepers.register() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (outcome, watchers) = state.withLock { state in
                    (state.sleepers.add(id, until: moment, continuation), state.satisfied())
                }
                switch outcome {
                case .waits: break
                case .due: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.cancel(id) }?.resume(throwing: CancellationError())
        }
    }
}

/// The sleeping tasks and the watchers of their number.
private struct WatchedSleepers {
    typealias Watcher = CheckedContinuation<Void, Never>

    var sleepers: Sleepers
    private var watchers: [(id: Int, count: Int, continuation: Watcher)] = []
    /// Watchers that have begun and are not in the list yet.
    private var registered: Set<Int> = []
    private var lastID = 0

    init(_ sleepers: Sleepers) { self.sleepers = sleepers }

    mutating func register() -> Int {
        lastID += 1
        registered.insert(lastID)
        return lastID
    }

    /// False when the watcher does not have to wait.
    mutating func watch(_ id: Int, for count: Int, _ continuation: Watcher) -> Bool {
        guard registered.remove(id) != nil, sleepers.count < count else { return false }
        watchers.append((id, count, continuation))
        return true
    }

    mutating func cancel(_ id: Int) -> Watcher? {
        registered.remove(id)
        guard let index = watchers.firstIndex(where: { $0.id == id }) else { return nil }
        return watchers.remove(at: index).continuation
    }

    /// Removes the watchers for whom enough tasks sleep.
    mutating func satisfied() -> [Watcher] {
        let satisfied = watchers.filter { $0.count <= sleepers.count }
        watchers.removeAll { $0.count <= sleepers.count }
        return satisfied.map(\.continuation)
    }
}
