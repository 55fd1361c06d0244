import CSQLite

/// The file of the write-ahead log, accessed below SQLite's log format.
struct SQLiteLogFile {
    static let chunkBytes = 65_536

    private let file: UnsafeMutablePointer<sqlite3_file>

    /// The log of `database`, which must be in a transaction and outlive this; `nil` when it has none.
    init?(of database: OpaquePointer) {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let code = sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        guard code == SQLITE_OK, let file, file.pointee.pMethods != nil else { return nil }
        self.file = file
    }

    /// Overwrites the file with its own content and syncs; returns SQLite's code.
    ///
    /// An interruption at any point leaves the content unchanged.
    func rewrite() -> Int32 {
        guard let methods = file.pointee.pMethods?.pointee, let read = methods.xRead, let write = methods.xWrite,
            let sync = methods.xSync, let measure = methods.xFileSize
        else { return SQLITE_MISUSE }
        var size: sqlite3_int64 = 0
        var code = measure(file, &size)
        guard code == SQLITE_OK, size > 0 else { return code }
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: Self.chunkBytes, alignment: 8)
        defer { chunk.deallocate() }
        for offset in stride(from: 0, to: size, by: Self.chunkBytes) {
            let count = Int32(min(sqlite3_int64(Self.chunkBytes), size - offset))
            code = read(file, chunk, count, offset)
            if code == SQLITE_OK { code = write(file, chunk, count, offset) }
            guard code == SQLITE_OK else { return code }
        }
        return sync(file, SQLITE_SYNC_NORMAL)
    }
}
