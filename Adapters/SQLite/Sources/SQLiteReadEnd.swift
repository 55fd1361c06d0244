import MartletCore
import Synchronization

/// When the reads of one database must end, whatever their deadlines.
///
/// Its writer reports how long the log is; its readers look at it while their statements run.
final class SQLiteReadEnd: Sendable {
    private let readDuration: Duration
    /// In nanoseconds of a `Moment`.
    private let closing = Atomic<Int64>(.max)
    private let isLogTooLong = Atomic<Bool>(false)
    private let pages = Atomic<Int>(0)

    /// - Parameter readDuration: How long a read may take while the log is too long.
    init(readDuration: Duration) { self.readDuration = readDuration }

    /// The length of the write-ahead log, as of the last commit.
    var logPages: Int { pages.load(ordering: .relaxed) }

    /// The database is being closed: reads end at `moment`; a repeat does not delay that.
    func close(at moment: Moment) { closing.min(moment.nanoseconds, ordering: .relaxed) }

    /// Records the length of the write-ahead log, after each commit.
    func record(logPages: Int) { pages.store(logPages, ordering: .relaxed) }

    /// Records whether the log has reached its limit, and readers prevent that it is emptied.
    ///
    /// - Returns: Whether that was so before.
    @discardableResult
    func setLogTooLong(_ isTooLong: Bool) -> Bool { isLogTooLong.exchange(isTooLong, ordering: .relaxed) }

    /// Whether a read that began at `begun` must end now.
    func isDue(at now: Moment, since begun: Moment) -> Bool {
        if now.nanoseconds >= closing.load(ordering: .relaxed) { return true }
        return isLogTooLong.load(ordering: .relaxed) && now >= begun + readDuration
    }
}
