import MartletCore
import Synchronization

/// The value of the header `Date`, by the wall clock.
///
/// Safe to share between tasks. The first response of a second formats it, so that no task has to renew it.
final class DateHeader: Sendable {
    private struct Formatted {
        let date: HTTPDate
        let text: String

        init(_ date: HTTPDate) {
            self.date = date
            text = date.description
        }
    }

    private let time: any TimeSource
    private let last: Mutex<Formatted>

    init(_ time: any TimeSource) {
        self.time = time
        last = Mutex(Formatted(HTTPDate(time.date)))
    }

    /// The current second.
    var value: String {
        let date = HTTPDate(time.date)
        return last.withLock { last in
            if last.date != date { last = Formatted(date) }
            return last.text
        }
    }
}
