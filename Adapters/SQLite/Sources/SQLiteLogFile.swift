import CSQLite

/// The write-ahead log as a file, below what SQLite reads and writes in it.
struct SQLiteLogFile {
    static let pieceBytes = 65_536

    private let file: UnsafeMutablePointer<sqlite3_file>

    /// The log of `database`, which must be in a transaction and outlive this; `nil` when it has none.
    init?(of database: OpaquePointer) {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let code = sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        guard code == SQLITE_OK, let file, file.pointee.pMethods != nil else { return nil }
        self.file = file
    }

    /// Writes each byte over itself and syncs; returns SQLite's code.
    ///
    /// Who is interrupted has changed nothing that was read before, wherever he was.
    func writeAnew() -> Int32 {
        guard let methods = file.pointee.pMethods?.pointee, let read = methods.xRead, let write = methods.xWrite,
            let sync = methods.xSync, let measure = methods.xFileSize
        else { return SQLITE_MISUSE }
        var size: sqlite3_int64 = 0
        var code = measure(file, &size)
        guard code == SQLITE_OK, size > 0 else { return code }
        let piece = UnsafeMutableRawPointer.allocate(byteCount: Self.pieceBytes, alignment: 8)
        defer { piece.deallocate() }
        for offset in stride(from: 0, to: size, by: Self.pieceBytes) {
            let count = Int32(min(sqlite3_int64(Self.pieceBytes), size - offset))
            code = read(file, piece, count, offset)
            if code == SQLITE_OK { code = write(file, piece, count, offset) }
            guard code == SQLITE_OK else { return code }
        }
        return sync(file, SQLITE_SYNC_NORMAL)
    }
}
