import CSQLite
import MartletSQL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Maps SQLite's result codes to error kinds.
enum SQLiteCodes {
    /// The kind of a failed statement.
    ///
    /// - Parameter systemError: The `errno` of a failed access to the file; 0 when there was none.
    static func kind(_ code: Int32, systemError: Int32) -> SQLError.Kind {
        switch code & 0xFF {
        case SQLITE_FULL: .full
        // SQLite itself reports only a full disk so, but neither a quota nor the limit of a file's size.
        case SQLITE_IOERR where isFull(systemError), SQLITE_CANTOPEN where isFull(systemError): .full
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_BUSY, SQLITE_LOCKED: .conflict
        case SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_NOMEM,
            SQLITE_PROTOCOL, SQLITE_NOLFS, SQLITE_PERM:
            .unavailable
        case SQLITE_INTERRUPT: .interrupted
        default: .misuse
        }
    }

    /// The kind of a failed commit: after an I/O error it is unknown whether its record reached the disk, except that a
    /// write without room for it did not happen.
    static func commitKind(_ code: Int32, systemError: Int32) -> SQLError.Kind {
        if code == ioErrorWrite, isFull(systemError) { return .full }
        return code & 0xFF == SQLITE_IOERR ? .outcomeUnknown : kind(code, systemError: systemError)
    }

    /// Whether an `errno` states that there is no room: on the disk, in a quota, or within the limit of a file's size.
    static func isFull(_ systemError: Int32) -> Bool { [ENOSPC, EDQUOT, EFBIG].contains(systemError) }

    /// Whether the system failed to make written pages durable.
    ///
    /// The disk's content is then unknown, and a repeated fsync may succeed without writing the pages.
    static func isSyncFailure(_ code: Int32) -> Bool { code == ioErrorFsync || code == ioErrorDirectoryFsync }

    /// Whether SQLite's text for a failed statement has names of the schema at most, and no values: a search's text
    /// quotes the words of the search, for example.
    static func namesSchemaOnly(_ code: Int32) -> Bool {
        [constraintCheck, constraintForeignKey, constraintNotNull, constraintPrimaryKey, constraintUnique].contains(
            code
        )
    }

    private static let constraintCheck = SQLITE_CONSTRAINT | (1 << 8)
    private static let constraintForeignKey = SQLITE_CONSTRAINT | (3 << 8)
    private static let constraintNotNull = SQLITE_CONSTRAINT | (5 << 8)
    private static let constraintPrimaryKey = SQLITE_CONSTRAINT | (6 << 8)
    private static let constraintUnique = SQLITE_CONSTRAINT | (8 << 8)

    // The header computes these from SQLITE_IOERR, which Swift does not import.
    private static let ioErrorWrite = SQLITE_IOERR | (3 << 8)
    private static let ioErrorFsync = SQLITE_IOERR | (4 << 8)
    private static let ioErrorDirectoryFsync = SQLITE_IOERR | (5 << 8)
}
