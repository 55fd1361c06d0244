import CSQLite
import MartletCore

/// Ends a running statement at a deadline.
///
/// SQLite asks it after some steps of each statement, on the thread that runs the statement.
final class SQLiteInterrupter {
    /// Steps of SQLite's virtual machine between two looks at the clock: some tens of microseconds.
    private static let steps: Int32 = 4_000

    /// When the statement that runs must end; `nil`: it may run for any time.
    var deadline: Moment?
    /// When the open read began; `nil` without one.
    var begun: Moment?
    private let time: any TimeSource
    /// `nil` for a connection that writes.
    private let readEnd: SQLiteReadEnd?

    init(time: any TimeSource, readEnd: SQLiteReadEnd?) {
        self.time = time
        self.readEnd = readEnd
    }

    /// Sets this as the progress handler of `database`, which must not outlive it.
    func watch(_ database: OpaquePointer) {
        sqlite3_progress_handler(
            database,
            Self.steps,
            { context in
                guard let context else { return 0 }
                let interrupter = Unmanaged<SQLiteInterrupter>.fromOpaque(context).takeUnretainedValue()
                return interrupter.isDue ? 1 : 0
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    /// Whether the reads of the database must end now, whatever their deadlines.
    var endsReads: Bool {
        guard let readEnd, let begun else { return false }
        return readEnd.isDue(at: time.now, since: begun)
    }

    private var isDue: Bool { deadline.map { time.now >= $0 } ?? false || endsReads }
}
