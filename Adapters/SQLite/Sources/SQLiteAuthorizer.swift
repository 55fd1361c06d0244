import CSQLite

/// Checks each statement's actions when it is prepared.
///
/// Bodies may not begin, end or nest a transaction, attach a file or change the engine's settings; the connection
/// itself may.
final class SQLiteAuthorizer {
    /// True while the connection prepares or runs a statement of its own.
    var trusted = true

    /// Sets this as the authorizer of `database`, which must not outlive it.
    func guardStatements(of database: OpaquePointer) {
        sqlite3_set_authorizer(
            database,
            { context, action, name, _, _, _ in
                guard let context else { return SQLITE_DENY }
                let authorizer = Unmanaged<SQLiteAuthorizer>.fromOpaque(context).takeUnretainedValue()
                return authorizer.trusted || SQLiteAuthorizer.allows(action, name) ? SQLITE_OK : SQLITE_DENY
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    private static func allows(_ action: Int32, _ name: UnsafePointer<CChar>?) -> Bool {
        switch action {
        case SQLITE_TRANSACTION, SQLITE_SAVEPOINT, SQLITE_ATTACH, SQLITE_DETACH: return false
        // Full-text search uses the first within ordinary statements, the second lists columns; both change nothing.
        case SQLITE_PRAGMA: return name.map { ["data_version", "table_info"].contains(String(cString: $0)) } ?? false
        default: return true
        }
    }
}
