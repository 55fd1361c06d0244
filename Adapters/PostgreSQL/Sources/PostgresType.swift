import CPostgreSQL
import MartletSQL

/// The types of PostgreSQL that a statement sends or returns, by their numbers in `pg_type`.
enum PostgresType {
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let char: Oid = 18
    static let name: Oid = 19
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let oid: Oid = 26
    static let json: Oid = 114
    static let float4: Oid = 700
    static let float8: Oid = 701
    static let unknown: Oid = 705
    static let bpchar: Oid = 1042
    static let varchar: Oid = 1043
    static let numeric: Oid = 1700
    static let void: Oid = 2278

    /// The type of a parameter; 0 where the server decides.
    static func parameter(_ type: SQLType?) -> Oid {
        switch type {
        case .integer: int8
        case .real: float8
        case .text: text
        case .bytes: bytea
        case nil: 0
        }
    }
}
