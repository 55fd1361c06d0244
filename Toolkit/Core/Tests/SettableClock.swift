import MartletCore
import Synchronization

/// A clock that a test sets.
final class SettableClock: TimeSource {
    private let nanoseconds = Atomic<Int64>(0)

    var now: Moment { Moment(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
    var date: Timestamp { Timestamp(microseconds: 0) }

    func set(_ now: Moment) { nanoseconds.store(now.nanoseconds, ordering: .relaxed) }

    func sleep(until moment: Moment) async throws { try Task.checkCancellation() }
}
