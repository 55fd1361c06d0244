/// A stored value that this program cannot read: a newer program wrote it, or the row is damaged.
///
/// No retry helps, and the value is not replaced by a default: an operator must decide.
public struct UnreadableRow: Error, Sendable, Hashable, CustomStringConvertible {
    /// The position in the statement's result.
    public let column: Int
    public let value: SQLValue
    /// The type as which it was read.
    public let type: String

    public init(column: Int, value: SQLValue, as type: Any.Type) {
        self.column = column
        self.value = value
        self.type = "\(type)"
    }

    public var description: String { "column \(column) is \(value), not a \(type)" }
}
