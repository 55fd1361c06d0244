/// One row of a result, read by column position.
///
/// A column that is not of the type as which it is read is an error of its own, `UnreadableRow`: the transaction fails,
/// and the process continues. An integer and a boolean are integers, and NULL is of no type.
public struct SQLRow: Sendable {
    /// The values of all rows of the result.
    private let result: [SQLValue]
    /// Where this row's begin.
    private let first: Int
    /// The number of its columns.
    private let count: Int

    public init(_ values: [SQLValue]) {
        result = values
        first = 0
        count = values.count
    }

    /// The rows of a result, row by row in one array, which they share: each further one costs no allocation.
    ///
    /// - Parameters:
    ///   - result: The values of the first row, then of the second and so on.
    ///   - columns: The number of columns, by which that of the values is divisible. At least 1.
    /// - Returns: As many rows as there are values for.
    public static func rows(_ result: [SQLValue], columns: Int) -> [SQLRow] {
        guard !result.isEmpty else { return [] }
        precondition(columns >= 1 && result.count % columns == 0)
        return (0..<result.count / columns).map { SQLRow(result, first: $0 * columns, count: columns) }
    }

    private init(_ result: [SQLValue], first: Int, count: Int) {
        self.result = result
        self.first = first
        self.count = count
    }

    public var values: [SQLValue] { Array(result[first..<first + count]) }

    /// - Throws: ``UnreadableRow`` when the column is not an integer, or does not exist.
    public func int(_ column: Int) throws(UnreadableRow) -> Int {
        guard has(column), case .integer(let number) = result[first + column], let value = Int(exactly: number) else {
            throw wrong(column, Int.self)
        }
        return value
    }

    /// - Throws: ``UnreadableRow`` when the column is not an integer, or does not exist.
    public func int64(_ column: Int) throws(UnreadableRow) -> Int64 {
        guard has(column), case .integer(let value) = result[first + column] else { throw wrong(column, Int64.self) }
        return value
    }

    /// Any integer but 0 is true.
    ///
    /// - Throws: ``UnreadableRow`` when the column is not an integer, or does not exist.
    public func bool(_ column: Int) throws(UnreadableRow) -> Bool {
        guard has(column), case .integer(let value) = result[first + column] else { throw wrong(column, Bool.self) }
        return value != 0
    }

    /// - Throws: ``UnreadableRow`` when the column is not a number, or does not exist.
    public func real(_ column: Int) throws(UnreadableRow) -> Double {
        switch try value(column, as: Double.self) {
        case .real(let value): return value
        case .integer(let value): return Double(value)
        default: throw wrong(column, Double.self)
        }
    }

    /// - Throws: ``UnreadableRow`` when the column is not a text, or does not exist.
    public func text(_ column: Int) throws(UnreadableRow) -> String {
        guard has(column), case .text(let value) = result[first + column] else { throw wrong(column, String.self) }
        return value
    }

    /// - Throws: ``UnreadableRow`` when the column is not bytes, or does not exist.
    public func bytes(_ column: Int) throws(UnreadableRow) -> [UInt8] {
        guard has(column), case .bytes(let value) = result[first + column] else { throw wrong(column, [UInt8].self) }
        return value
    }

    /// - Throws: ``UnreadableRow`` when the column does not exist.
    public func isNull(_ column: Int) throws(UnreadableRow) -> Bool {
        guard has(column) else { throw wrong(column, SQLValue.self) }
        if case .null = result[first + column] { return true }
        return false
    }

    /// `nil` for NULL.
    ///
    /// - Throws: ``UnreadableRow`` when the column is neither an integer nor NULL, or does not exist.
    public func intIfPresent(_ column: Int) throws(UnreadableRow) -> Int? {
        try isNull(column) ? nil : try int(column)
    }

    /// `nil` for NULL.
    ///
    /// - Throws: ``UnreadableRow`` when the column is neither a text nor NULL, or does not exist.
    public func textIfPresent(_ column: Int) throws(UnreadableRow) -> String? {
        try isNull(column) ? nil : try text(column)
    }

    /// The column's value.
    func value(_ column: Int, as type: Any.Type) throws(UnreadableRow) -> SQLValue {
        guard has(column) else { throw wrong(column, type) }
        return result[first + column]
    }

    private func has(_ column: Int) -> Bool { column >= 0 && column < count }

    private func wrong(_ column: Int, _ expected: Any.Type) -> UnreadableRow {
        UnreadableRow(column: column, value: has(column) ? result[first + column] : nil, as: expected)
    }
}

extension SQLRow: Hashable {
    public static func == (left: SQLRow, right: SQLRow) -> Bool { left.slice == right.slice }

    public func hash(into hasher: inout Hasher) { hasher.combine(slice) }

    private var slice: ArraySlice<SQLValue> { result[first..<first + count] }
}
