import CSQLite

/// How long the write-ahead log is, as SQLite tells after each commit.
final class SQLiteLogPages {
    private(set) var count = 0
    private var restarted = false

    /// True once after the log began from its start again.
    var wasRestarted: Bool {
        defer { restarted = false }
        return restarted
    }

    /// Listens to the commits of `database`, which must not outlive this.
    func watch(_ database: OpaquePointer) {
        sqlite3_wal_hook(
            database,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<SQLiteLogPages>.fromOpaque(context).takeUnretainedValue().note(Int(pages))
                return SQLITE_OK
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    private func note(_ pages: Int) {
        if pages < count { restarted = true }
        count = pages
    }
}
