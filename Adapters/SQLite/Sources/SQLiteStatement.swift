import CSQLite
import MartletSQL

/// One prepared statement, finalized when it is released.
final class SQLiteStatement {
    let handle: OpaquePointer
    let readOnly: Bool
    /// The index of each parameter's value: SQLite numbers `$2` by its first appearance, not by its name.
    private let slots: [Int]
    private let valuesCount: Int
    /// For the cache: when it was last used.
    var lastUse = 0

    init(handle: OpaquePointer) {
        self.handle = handle
        readOnly = sqlite3_stmt_readonly(handle) != 0
        slots = (0..<Int(sqlite3_bind_parameter_count(handle))).map { position in
            guard let name = sqlite3_bind_parameter_name(handle, Int32(position + 1)) else { return position }
            return (Int(String(cString: name).dropFirst()) ?? 0) - 1
        }
        valuesCount = (slots.max() ?? -1) + 1
    }

    deinit { sqlite3_finalize(handle) }

    /// Binds `values` to `$1`, `$2`, …; returns SQLite's code.
    func bind(_ values: [SQLValue]) -> Int32 {
        guard values.count == valuesCount, slots.allSatisfy({ $0 >= 0 }) else { return SQLITE_RANGE }
        for (position, slot) in slots.enumerated() {
            let code = bind(values[slot], at: Int32(position + 1))
            guard code == SQLITE_OK else { return code }
        }
        return SQLITE_OK
    }

    private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        // SQLite copies the bytes before these calls return.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null:
            return sqlite3_bind_null(handle, index)
        case .integer(let value):
            return sqlite3_bind_int64(handle, index, value)
        case .real(let value):
            return sqlite3_bind_double(handle, index, value)
        case .text(var value):
            return value.withUTF8 { bytes in
                guard let count = Int32(exactly: bytes.count) else { return SQLITE_TOOBIG }
                // A null pointer would bind NULL in place of the empty text.
                guard count > 0 else { return sqlite3_bind_text(handle, index, "", 0, copied) }
                return bytes.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text(handle, index, $0.baseAddress, count, copied)
                }
            }
        case .bytes(let value):
            guard !value.isEmpty else { return sqlite3_bind_zeroblob(handle, index, 0) }
            guard let count = Int32(exactly: value.count) else { return SQLITE_TOOBIG }
            return value.withUnsafeBytes { sqlite3_bind_blob(handle, index, $0.baseAddress, count, copied) }
        }
    }

    /// The statement's current row.
    func row() -> SQLRow {
        let count = sqlite3_column_count(handle)
        return SQLRow((0..<count).map { column($0) })
    }

    private func column(_ index: Int32) -> SQLValue {
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

    /// Resets the statement and clears its bindings for the next use.
    func reset() {
        // Returns the error of the last step, which was thrown already.
        sqlite3_reset(handle)
        if !slots.isEmpty { sqlite3_clear_bindings(handle) }
    }
}
