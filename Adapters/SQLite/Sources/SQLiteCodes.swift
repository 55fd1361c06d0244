import CSQLite
import MartletSQL

/// SQLite's result codes in the words of the seam.
enum SQLiteCodes {
    /// What the failure of a statement in a body means.
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

    /// What the failure of a commit means: after an I/O error nobody knows whether its record reached the disk.
    static func commitKind(_ code: Int32) -> SQLError.Kind {
        code & 0xFF == SQLITE_IOERR ? .outcomeUnknown : kind(code)
    }

    /// Whether the system could not make written pages durable: what is on the disk then is anybody's guess, and asking
    /// again answers "done" without doing it.
    static func isSyncFailure(_ code: Int32) -> Bool { code == ioErrorFsync || code == ioErrorDirectoryFsync }

    // The header computes these from SQLITE_IOERR, which Swift does not import.
    private static let ioErrorFsync = SQLITE_IOERR | (4 << 8)
    private static let ioErrorDirectoryFsync = SQLITE_IOERR | (5 << 8)
}
