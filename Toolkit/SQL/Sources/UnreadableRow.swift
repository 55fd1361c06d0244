/// A stored value that this program cannot read: a newer program wrote it, the row is damaged, or the program expects
/// another type.
///
/// No retry helps, and the value is not replaced by a default: an operator must decide.
public struct UnreadableRow: Error, Sendable, Hashable, CustomStringConvertible {
    /// The position in the statement's result.
    public let column: Int
    /// What is stored; `nil` when the result has no such column.
    ///
    /// For code only: it is not part of the error's text, since logs carry no values.
    public let value: SQLValue?
    /// The type as which it was read.
    public let type: String

    public init(column: Int, value: SQLValue?, as type: Any.Type) {
        self.column = column
        self.value = value
        self.type = "\(type)"
    }

    public var description: String {
        guard let value else { return "the result has no column \(column)" }
        return "column \(column) is \(value.kindName), not a \(type)"
    }
}

extension UnreadableRow: CustomDebugStringConvertible, CustomReflectable {
    public var debugDescription: String { description }

    /// Without the value: a dump of the error carries none either.
    public var customMirror: Mirror { Mirror(self, children: ["column": column, "type": type]) }
}
