import CSQLite

/// The length of the write-ahead log in pages, as SQLite reports it after each commit.
final class SQLiteLogPages {
    private(set) var count = 0
    private var restarted = false

    /// True once after the log was restarted from its beginning.
    var wasRestarted: Bool {
        defer { restarted = false }
        return restarted
    }

    /// Observes the commits of `database`, which must not outlive this.
    func watch(_ database: OpaquePointer) {
        sqlite3_wal_hook(
            database,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<SQLiteLogPages>.fromOpaque(context).takeUnretainedValue().record(Int(pages))
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    /// The log was emptied apart from a commit.
    func wasEmptied() { count = 0 }

    private func record(_ pages: Int) {
        if pages < count { restarted = true }
        count = pages
    }
}
