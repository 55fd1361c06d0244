import CSQLite
import MartletSQL

/// Maps SQLite's result codes to error kinds.
enum SQLiteCodes {
    /// The kind of a failed statement.
    static func kind(_ code: Int32) -> SQLError.Kind {
        switch code & 0xFF {
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_BUSY, SQLITE_LOCKED: .conflict
        case SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_NOMEM,
            SQLITE_INTERRUPT, SQLITE_PROTOCOL, SQLITE_NOLFS, SQLITE_PERM:
            .unavailable
        default: .misuse
        }
    }

    /// The kind of a failed commit: after an I/O error it is unknown whether its record reached the disk.
    static func commitKind(_ code: Int32) -> SQLError.Kind {
        code & 0xFF == SQLITE_IOERR ? .outcomeUnknown : kind(code)
    }

    /// Whether the system failed to make written pages durable.
    ///
    /// The disk's content is then unknown, and a repeated fsync may succeed without writing the pages.
    static func isSyncFailure(_ code: Int32) -> Bool { code == ioErrorFsync || code == ioErrorDirectoryFsync }

    // The header computes these from SQLITE_IOERR, which Swift does not import.
    private static let ioErrorFsync = SQLITE_IOERR | (4 << 8)
    private static let ioErrorDirectoryFsync = SQLITE_IOERR | (5 << 8)
}
