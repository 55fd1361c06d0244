extension SQLRow {
    /// Reads a text column as a value of `type`, such as an enum's case.
    ///
    /// - Throws: ``UnreadableRow`` when `type` has no value with this text.
    public func decode<Value: RawRepresentable<String>>(
        _ column: Int,
        as type: Value.Type
    ) throws(UnreadableRow) -> Value {
        let stored = try value(column, as: type)
        guard case .text(let text) = stored, let value = Value(rawValue: text) else {
            throw UnreadableRow(column: column, value: stored, as: type)
        }
        return value
    }

    /// Reads an integer column as a value of `type`.
    ///
    /// - Throws: ``UnreadableRow`` when it is out of range.
    public func decode<Value: FixedWidthInteger>(_ column: Int, as type: Value.Type) throws(UnreadableRow) -> Value {
        let stored = try value(column, as: type)
        guard case .integer(let number) = stored, let value = Value(exactly: number) else {
            throw UnreadableRow(column: column, value: stored, as: type)
        }
        return value
    }
}
