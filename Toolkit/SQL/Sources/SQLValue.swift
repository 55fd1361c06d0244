public import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The type of an SQL value.
public enum SQLType: String, Sendable, Hashable {
    case integer, real, text, bytes
}

/// An SQL value.
///
/// Texts are equal when their bytes are, as in SQL. NULLs are equal, whatever their types.
public enum SQLValue: Sendable, Hashable {
    /// NULL of a type.
    ///
    /// A bound parameter has the type of what was absent, since some engines refuse a parameter of no known type. `nil`
    /// in a row that was read.
    case null(SQLType?)
    case integer(Int64)
    case real(Double)
    case text(String)
    case bytes([UInt8])

    /// The type: of NULL only when it is known.
    public var type: SQLType? {
        switch self {
        case .null(let type): type
        case .integer: .integer
        case .real: .real
        case .text: .text
        case .bytes: .bytes
        }
    }

    /// For errors, which name no values.
    var kindName: String {
        if case .null = self { return "NULL" }
        return type?.rawValue ?? "NULL"
    }

    public static func == (left: SQLValue, right: SQLValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.integer(let left), .integer(let right)): left == right
        case (.real(let left), .real(let right)): left == right
        case (.text(let left), .text(let right)): ExactText(left) == ExactText(right)
        case (.bytes(let left), .bytes(let right)): left == right
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .integer(let value): hasher.combine(value)
        case .real(let value): hasher.combine(value)
        case .text(let value): hasher.combine(ExactText(value))
        case .bytes(let value): hasher.combine(value)
        }
    }
}

/// A value that a query's interpolation binds as a parameter.
public protocol SQLBindable {
    /// The type of all values; `nil` where each value has its own.
    static var sqlType: SQLType? { get }
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLBindable {
    public static var sqlType: SQLType? { nil }
    public var sqlValue: SQLValue { self }
}
extension String: SQLBindable {
    public static var sqlType: SQLType? { .text }
    public var sqlValue: SQLValue { .text(self) }
}
extension ExactText: SQLBindable {
    public static var sqlType: SQLType? { .text }
    public var sqlValue: SQLValue { .text(text) }
}
extension Int: SQLBindable {
    public static var sqlType: SQLType? { .integer }
    public var sqlValue: SQLValue { .integer(Int64(self)) }
}
extension Int64: SQLBindable {
    public static var sqlType: SQLType? { .integer }
    public var sqlValue: SQLValue { .integer(self) }
}
extension Int32: SQLBindable {
    public static var sqlType: SQLType? { .integer }
    public var sqlValue: SQLValue { .integer(Int64(self)) }
}
extension UInt32: SQLBindable {
    public static var sqlType: SQLType? { .integer }
    public var sqlValue: SQLValue { .integer(Int64(self)) }
}
extension Bool: SQLBindable {
    public static var sqlType: SQLType? { .integer }
    public var sqlValue: SQLValue { .integer(self ? 1 : 0) }
}
extension Double: SQLBindable {
    public static var sqlType: SQLType? { .real }
    public var sqlValue: SQLValue { .real(self) }
}
extension Array: SQLBindable where Element == UInt8 {
    public static var sqlType: SQLType? { .bytes }
    public var sqlValue: SQLValue { .bytes(self) }
}
extension Optional: SQLBindable where Wrapped: SQLBindable {
    public static var sqlType: SQLType? { Wrapped.sqlType }
    public var sqlValue: SQLValue { self?.sqlValue ?? .null(Wrapped.sqlType) }
}

extension String {
    /// Whether it has the character U+0000.
    ///
    /// By the system's search: 0.03 µs instead of 1.1 for 4,000 bytes, and every text that is bound is searched.
    var hasNUL: Bool {
        let found = utf8.withContiguousStorageIfAvailable { bytes in
            bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
        }
        // Only a string that another language stores is not contiguous.
        return found ?? utf8.contains(0)
    }
}
