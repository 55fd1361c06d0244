import MartletCore

/// A piece of a query.
package enum SQLPiece: Sendable {
    /// Text that stands in the program.
    case literal(SQLLiteral)
    /// Text that was put together, with the numbers of its parameters.
    case text(String)
    /// A value, which is a numbered parameter at this place of the text.
    case value(SQLValue)
    /// A value whose parameter is part of a ``text(_:)``.
    case unwritten(SQLValue)

    package var value: SQLValue? {
        switch self {
        case .literal, .text: nil
        case .value(let value), .unwritten(let value): value
        }
    }

    var withoutValue: SQLPiece {
        switch self {
        case .literal, .text: self
        case .value: .value(.null(nil))
        case .unwritten: .unwritten(.null(nil))
        }
    }

    func hasSameText(as other: SQLPiece) -> Bool {
        switch (self, other) {
        case (.literal(let left), .literal(let right)): left == right
        case (.text(let left), .text(let right)): ExactText(left) == ExactText(right)
        case (.value, .value), (.unwritten, .unwritten): true
        default: false
        }
    }
}

/// A literal of the program, which is never freed: its address and its length identify it.
package struct SQLLiteral: Sendable, Equatable {
    let address: UInt
    let count: Int

    init(_ text: StaticString) {
        precondition(text.hasPointerRepresentation)
        address = UInt(bitPattern: text.utf8Start)
        count = text.utf8CodeUnitCount
    }

    var text: String {
        guard let start = UnsafePointer<UInt8>(bitPattern: address) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}
