public import MartletCore
import Synchronization

/// Two clocks that only a test advances, which wakes the sleepers that are due.
///
/// Safe to share between tasks.
public final class ManualTime: TimeSource {
    private let sleepers: Mutex<Sleepers>

    /// - Parameters:
    ///   - now: The initial time of the monotonic clock.
    ///   - date: The initial time of the wall clock.
    public init(
        now: Moment = Moment(nanoseconds: 1_000_000_000),
        date: Timestamp = Timestamp(seconds: 1_767_225_600)
    ) {
        sleepers = Mutex(Sleepers(now: now, date: date))
    }

    public var now: Moment { sleepers.withLock { $0.now } }

    public var date: Timestamp { sleepers.withLock { $0.date } }

    /// The number of sleeping tasks.
    public var sleeping: Int { sleepers.withLock { $0.waiting.count } }

    /// Advances both clocks and wakes every sleeper that is due, the earliest first.
    ///
    /// A woken task runs when it is scheduled, not before this returns; one that sleeps again counts from the new time.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "time does not run backwards; jumpDate(by:) moves the wall clock")
        let due = sleepers.withLock { $0.advance(to: $0.now + duration) }
        for sleeper in due { sleeper.resume() }
    }

    /// Advances both clocks to the earliest sleeper and wakes it; false when no task sleeps.
    @discardableResult
    public func advanceToNextSleeper() -> Bool {
        let due = sleepers.withLock { sleepers in
            sleepers.waiting.map(\.moment).min().map { sleepers.advance(to: $0) }
        }
        guard let due else { return false }
        for sleeper in due { sleeper.resume() }
        return true
    }

    /// Moves only the wall clock, forward or backward, as an operator or NTP does.
    ///
    /// Wakes no task.
    public func jumpDate(by offset: Duration) { sleepers.withLock { $0.date = $0.date + offset } }

    /// Suspends until at least `count` tasks sleep, so that other tasks are idle before time is advanced.
    ///
    /// Returns early when the task is cancelled, so that a test's time limit ends a wait that never succeeds.
    public func waitForSleepers(_ count: Int = 1) async {
        let id = sleepers.withLock { $0.enter() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = sleepers.withLock { $0.watch(id, for: count, continuation) }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            sleepers.withLock { $0.cancelWatcher(id) }?.resume()
        }
    }

    public func sleep(until moment: Moment) async throws {
        try Task.checkCancellation()
        let id = sleepers.withLock { $0.enter() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (outcome, watchers) = sleepers.withLock { $0.add(id, until: moment, continuation) }
                switch outcome {
                case .waits: break
                case .due: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            sleepers.withLock { $0.cancel(id) }?.resume(throwing: CancellationError())
        }
    }
}

/// The sleeping tasks and the watchers of their number.
private struct Sleepers {
    typealias Continuation = CheckedContinuation<Void, any Error>
    typealias Watcher = CheckedContinuation<Void, Never>
    enum Outcome { case waits, due, cancelled }

    var now: Moment
    var date: Timestamp
    var waiting: [(id: Int, moment: Moment, continuation: Continuation)] = []
    var watchers: [(id: Int, count: Int, continuation: Watcher)] = []
    private var entering: [Int: Bool] = [:]
    private var lastID = 0

    init(now: Moment, date: Timestamp) {
        self.now = now
        self.date = date
    }

    mutating func enter() -> Int {
        lastID += 1
        entering[lastID] = true
        return lastID
    }

    mutating func add(_ id: Int, until moment: Moment, _ continuation: Continuation) -> (Outcome, [Watcher]) {
        let isPending = entering.removeValue(forKey: id) ?? false
        guard isPending else { return (.cancelled, []) }
        guard now < moment else { return (.due, []) }
        waiting.append((id, moment, continuation))
        let satisfied = watchers.filter { $0.count <= waiting.count }
        watchers.removeAll { $0.count <= waiting.count }
        return (.waits, satisfied.map(\.continuation))
    }

    /// False when the watcher does not have to wait.
    mutating func watch(_ id: Int, for count: Int, _ continuation: Watcher) -> Bool {
        let isPending = entering.removeValue(forKey: id) ?? false
        guard isPending, waiting.count < count else { return false }
        watchers.append((id, count, continuation))
        return true
    }

    mutating func cancelWatcher(_ id: Int) -> Watcher? {
        if let index = watchers.firstIndex(where: { $0.id == id }) { return watchers.remove(at: index).continuation }
        if entering[id] != nil { entering[id] = false }
        return nil
    }

    mutating func cancel(_ id: Int) -> Continuation? {
        if let index = waiting.firstIndex(where: { $0.id == id }) { return waiting.remove(at: index).continuation }
        if entering[id] != nil { entering[id] = false }
        return nil
    }

    mutating func advance(to moment: Moment) -> [Continuation] {
        if now < moment {
            date = date + (moment - now)
            now = moment
        }
        let due = waiting.filter { $0.moment <= now }.sorted { ($0.moment, $0.id) < ($1.moment, $1.id) }
        waiting.removeAll { $0.moment <= now }
        return due.map(\.continuation)
    }
}
