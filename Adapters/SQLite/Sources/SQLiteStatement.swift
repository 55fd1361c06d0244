import CSQLite
import MartletSQL

/// One prepared statement, finalized when it is released.
final class SQLiteStatement {
    let handle: OpaquePointer
    let readOnly: Bool
    /// The query of which it was prepared, without its values.
    let query: SQLQuery
    /// The index of each value: SQLite numbers `$2` by its first appearance, not by its name.
    ///
    /// 0 for a value that the text does not name.
    private let positions: [Int32]
    /// Whether all parameters have names of values.
    private let isNumbered: Bool
    /// Whether SQLite has copied values, which it keeps until others are bound.
    private var hasCopies = false
    /// For the cache: when it was last used.
    var lastUse = 0
    /// For the cache: the next statement of its chain.
    var next: SQLiteStatement?

    init(handle: OpaquePointer, of query: SQLQuery) {
        self.handle = handle
        self.query = query.withoutValues
        readOnly = sqlite3_stmt_readonly(handle) != 0
        let names = (0..<Int(sqlite3_bind_parameter_count(handle))).map { position in
            guard let name = sqlite3_bind_parameter_name(handle, Int32(position + 1)) else { return position + 1 }
            return Int(String(cString: name).dropFirst()) ?? 0
        }
        var positions = [Int32](repeating: 0, count: names.max() ?? 0)
        for (position, name) in names.enumerated() where name > 0 { positions[name - 1] = Int32(position + 1) }
        self.positions = positions
        isNumbered = names.allSatisfy { $0 > 0 }
    }

    deinit { sqlite3_finalize(handle) }

    /// Binds the values of `query` to `$1`, `$2`, …; returns SQLite's code.
    ///
    /// - Parameter buffer: Keeps them until the statement is reset.
    func bind(_ query: SQLQuery, in buffer: SQLiteValueBuffer) -> Int32 {
        guard query.valuesCount == positions.count, isNumbered else { return SQLITE_RANGE }
        buffer.removeAll()
        var number = 0
        for piece in query.pieces {
            let code: Int32
            switch piece {
            case .literal, .text: continue
            case .value(let value), .unwritten(let value): code = bind(value, at: positions[number], in: buffer)
            }
            guard code == SQLITE_OK else { return code }
            number += 1
        }
        return SQLITE_OK
    }

    private func bind(_ value: SQLValue, at index: Int32, in buffer: SQLiteValueBuffer) -> Int32 {
        guard index > 0 else { return SQLITE_OK }
        switch value {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let value): return sqlite3_bind_int64(handle, index, value)
        case .real(let value): return sqlite3_bind_double(handle, index, value)
        case .text(let value):
            let code = value.utf8.withContiguousStorageIfAvailable {
                bind(UnsafeRawBufferPointer($0), isText: true, at: index, in: buffer)
            }
            if let code { return code }
            // Only a string that another language stores is not contiguous.
            return Array(value.utf8).withUnsafeBytes { bind($0, isText: true, at: index, in: buffer) }
        case .bytes(let value):
            return value.withUnsafeBytes { bind($0, isText: false, at: index, in: buffer) }
        }
    }

    private func bind(
        _ bytes: UnsafeRawBufferPointer,
        isText: Bool,
        at index: Int32,
        in buffer: SQLiteValueBuffer
    ) -> Int32 {
        guard let count = Int32(exactly: bytes.count) else { return SQLITE_TOOBIG }
        // No destructor: SQLite reads the buffer until the statement is reset.
        if let kept = buffer.keep(bytes) {
            return bind(from: kept, count: count, isText: isText, at: index, destructor: nil)
        }
        hasCopies = true
        // SQLite copies the bytes before the call returns.
        return bind(
            from: bytes.baseAddress,
            count: count,
            isText: isText,
            at: index,
            destructor: unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        )
    }

    private func bind(
        from start: UnsafeRawPointer?,
        count: Int32,
        isText: Bool,
        at index: Int32,
        destructor: sqlite3_destructor_type?
    ) -> Int32 {
        isText
            ? sqlite3_bind_text(handle, index, start?.assumingMemoryBound(to: CChar.self), count, destructor)
            : sqlite3_bind_blob(handle, index, start, count, destructor)
    }

    /// Appends the values of the current row to `result`.
    func read(into result: inout [SQLValue], columns: Int32) {
        for column in 0..<columns { result.append(value(column)) }
    }

    private func value(_ index: Int32) -> SQLValue {
        switch sqlite3_column_type(handle, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, index))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(handle, index)
            let count = Int(sqlite3_column_bytes(handle, index))
            return .text(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(handle, index)
            let count = Int(sqlite3_column_bytes(handle, index))
            return .bytes([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null(nil)
        }
    }

    /// Resets the statement for the next use, which binds all values again.
    func reset() {
        // Returns the error of the last step, which was thrown already.
        sqlite3_reset(handle)
        guard hasCopies else { return }
        sqlite3_clear_bindings(handle)
        hasCopies = false
    }
}
