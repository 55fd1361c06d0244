/// One row of a result, read by column position.
///
/// A column that is not of the type as which it is read is an error of its own, `UnreadableRow`: the transaction fails,
/// and the process continues. An integer and a boolean are integers, and NULL is of no type.
public struct SQLRow: Sendable, Hashable {
    public let values: [SQLValue]

    public init(_ values: [SQLValue]) { self.values = values }

    /// - Throws: ``UnreadableRow`` when the column is not an integer, or does not exist.
    public func int(_ column: Int) throws(UnreadableRow) -> Int {
        guard case .integer(let number) = try value(column, as: Int.self), let value = Int(exactly: number) else {
            throw wrong(column, Int.self)
        }
        return value
    }

    /// - Throws: ``UnreadableRow`` when the column is not an integer, or does not exist.
    public func int64(_ column: Int) throws(UnreadableRow) -> Int64 {
        guard case .integer(let value) = try value(column, as: Int64.self) else { throw wrong(column, Int64.self) }
        return value
    }

    /// Any integer but 0 is true.
    ///
    /// - Throws: ``UnreadableRow`` when the column is not an integer, or does not exist.
    public func bool(_ column: Int) throws(UnreadableRow) -> Bool {
        guard case .integer(let value) = try value(column, as: Bool.self) else { throw wrong(column, Bool.self) }
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
        guard case .text(let value) = try value(column, as: String.self) else { throw wrong(column, String.self) }
        return value
    }

    /// - Throws: ``UnreadableRow`` when the column is not bytes, or does not exist.
    public func bytes(_ column: Int) throws(UnreadableRow) -> [UInt8] {
        guard case .bytes(let value) = try value(column, as: [UInt8].self) else { throw wrong(column, [UInt8].self) }
        return value
    }

    /// - Throws: ``UnreadableRow`` when the column does not exist.
    public func isNull(_ column: Int) throws(UnreadableRow) -> Bool {
        if case .null = try value(column, as: SQLValue.self) { return true }
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
        guard values.indices.contains(column) else { throw wrong(column, type) }
        return values[column]
    }

    private func wrong(_ column: Int, _ expected: Any.Type) -> UnreadableRow {
        UnreadableRow(column: column, value: values.indices.contains(column) ? values[column] : nil, as: expected)
    }
}
