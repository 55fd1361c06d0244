import CPostgreSQL
import MartletSQL

/// The result of one command, released with this.
final class PostgresReply {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    /// What the server did, as `COMMIT` or `ROLLBACK`.
    var tag: String { String(cString: PQcmdStatus(result)) }

    /// - Throws: `SQLError` with `misuse` when a column has a type or a number that `SQLValue` has not.
    func rows() throws -> [SQLRow] {
        let count = PQntuples(result)
        guard count > 0 else { return [] }
        let types = (0..<PQnfields(result)).map { PQftype(result, $0) }
        return try (0..<count).map { row in
            SQLRow(try types.enumerated().map { try value(row, Int32($0), of: $1) })
        }
    }

    private func value(_ row: Int32, _ column: Int32, of type: Oid) throws -> SQLValue {
        guard PQgetisnull(result, row, column) == 0 else { return .null(nil) }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column),
            count: Int(PQgetlength(result, row, column))
        )
        switch type {
        case PostgresType.int8: return .integer(Int64(bitPattern: word(bytes)))
        case PostgresType.int4: return .integer(Int64(Int32(truncatingIfNeeded: word(bytes))))
        case PostgresType.int2: return .integer(Int64(Int16(truncatingIfNeeded: word(bytes))))
        case PostgresType.oid, PostgresType.bool: return .integer(Int64(word(bytes)))
        case PostgresType.float8: return .real(Double(bitPattern: word(bytes)))
        case PostgresType.float4: return .real(Double(Float(bitPattern: UInt32(word(bytes)))))
        case PostgresType.text, PostgresType.varchar, PostgresType.bpchar, PostgresType.name, PostgresType.char,
            PostgresType.json, PostgresType.unknown:
            return .text(String(decoding: bytes, as: UTF8.self))
        case PostgresType.bytea: return .bytes([UInt8](bytes))
        case PostgresType.numeric: return try PostgresNumeric(bytes).value()
        case PostgresType.void: return .null(nil)
        default:
            throw SQLError(.misuse, code: "type", message: "column \(column) has the unsupported type \(type)")
        }
    }

    /// A big-endian word of up to 64 bits.
    private func word(_ bytes: UnsafeRawBufferPointer) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}
