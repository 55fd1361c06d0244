/// One row of a result, read by column position.
///
/// Reading a column as the wrong type is a bug: it traps with the column's number.
public struct SQLRow: Sendable, Hashable {
    public let values: [SQLValue]

    public init(_ values: [SQLValue]) { self.values = values }

    public func int(_ column: Int) -> Int {
        guard case .integer(let value) = values[column] else { wrong(column, "an integer") }
        return Int(value)
    }

    public func int64(_ column: Int) -> Int64 { Int64(int(column)) }

    public func bool(_ column: Int) -> Bool { int(column) != 0 }

    public func real(_ column: Int) -> Double {
        switch values[column] {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: wrong(column, "a real number")
        }
    }

    public func text(_ column: Int) -> String {
        guard case .text(let value) = values[column] else { wrong(column, "text") }
        return value
    }

    public func bytes(_ column: Int) -> [UInt8] {
        guard case .bytes(let value) = values[column] else { wrong(column, "bytes") }
        return value
    }

    public func isNull(_ column: Int) -> Bool { values[column] == .null }

    /// `nil` for NULL.
    public func intIfPresent(_ column: Int) -> Int? { isNull(column) ? nil : int(column) }
    /// `nil` for NULL.
    public func textIfPresent(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

    private func wrong(_ column: Int, _ expected: String) -> Never {
        preconditionFailure("column \(column) is \(values[column]), expected \(expected)")
    }
}
