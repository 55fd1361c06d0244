import CSQLite

/// SQLite's result codes that are macros with expressions, which Swift does not import.
enum ResultCodes {
    static let readError = SQLITE_IOERR | (1 << 8)
    static let shortRead = SQLITE_IOERR | (2 << 8)
    static let writeError = SQLITE_IOERR | (3 << 8)
    static let syncError = SQLITE_IOERR | (4 << 8)
    static let nothingToDelete = SQLITE_IOERR | (23 << 8)
}
