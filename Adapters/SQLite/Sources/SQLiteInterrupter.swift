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
    private let time: any TimeSource

    init(time: any TimeSource) { self.time = time }

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

    private var isDue: Bool { deadline.map { time.now >= $0 } ?? false }
}
