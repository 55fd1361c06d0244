import MartletCore
import Synchronization

/// When the reads of one database must end, whatever their deadlines.
///
/// Its readers look at it while their statements run.
final class SQLiteReadEnd: Sendable {
    /// In nanoseconds of a `Moment`.
    private let closing = Atomic<Int64>(.max)

    /// The database is being closed: reads end at `moment`; a repeat does not delay that.
    func close(at moment: Moment) { closing.min(moment.nanoseconds, ordering: .relaxed) }

    /// Whether a read must end now.
    func isDue(at now: Moment) -> Bool { now.nanoseconds >= closing.load(ordering: .relaxed) }
}
