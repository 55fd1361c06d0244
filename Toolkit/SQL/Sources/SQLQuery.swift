import MartletCore

/// One statement with its values: `"SELECT a FROM t WHERE id = \(id)"` binds `id` as `$1`.
///
/// Its text is in pieces, literals of the program and values: it is put together only when it is asked for. An adapter
/// finds a statement that it has prepared before by the pieces, see ``hasSameText(as:)``.
public struct SQLQuery: Sendable, ExpressibleByStringInterpolation {
    /// The text and the values, in order.
    package let pieces: [SQLPiece]
    /// The number of the values.
    package let valuesCount: Int
    /// Equal for queries whose texts are the same by ``hasSameText(as:)``; differs between processes.
    public let textHash: Int

    public init(stringLiteral text: StaticString) {
        self.init(stringInterpolation: Interpolation(text))
    }

    public init(stringInterpolation interpolation: Interpolation) {
        pieces = interpolation.pieces
        valuesCount = interpolation.valuesCount
        textHash = interpolation.textHash
    }

    /// A statement whose text is part of the program (a migration), never of a request.
    public init(unchecked text: String, values: [SQLValue] = []) {
        pieces = [.text(text)] + values.map { .unwritten($0) }
        valuesCount = values.count
        textHash = ExactText(text).hashValue
    }

    private init(pieces: [SQLPiece], valuesCount: Int, textHash: Int) {
        self.pieces = pieces
        self.valuesCount = valuesCount
        self.textHash = textHash
    }

    /// The statement, with `$1`, `$2` and so on for the values.
    public var text: String {
        var (text, number) = ("", 0)
        for piece in pieces {
            switch piece {
            case .literal(let literal): text += literal.text
            case .text(let part): text += part
            case .unwritten: break
            case .value:
                number += 1
                text += "$\(number)"
            }
        }
        return text
    }

    /// What is bound to `$1`, `$2` and so on.
    public var values: [SQLValue] {
        var values: [SQLValue] = []
        values.reserveCapacity(valuesCount)
        for piece in pieces {
            if let value = piece.value { values.append(value) }
        }
        return values
    }

    /// Whether both have the same text, as far as can be known without reading it: literals are compared by their
    /// addresses.
    ///
    /// For a cache of prepared statements, with ``textHash``: this takes 150 instructions.
    /// Literals at two places of a program may count as different texts.
    public func hasSameText(as other: SQLQuery) -> Bool {
        guard textHash == other.textHash, pieces.count == other.pieces.count else { return false }
        for index in pieces.indices where !pieces[index].hasSameText(as: other.pieces[index]) { return false }
        return true
    }

    /// The same text with NULL for each value: for a cache, which must not keep values.
    public var withoutValues: SQLQuery {
        SQLQuery(pieces: pieces.map(\.withoutValue), valuesCount: valuesCount, textHash: textHash)
    }

    /// Whether a text among the values has the character U+0000.
    var hasNUL: Bool {
        for piece in pieces {
            if case .value(.text(let text)) = piece, text.hasNUL { return true }
            if case .unwritten(.text(let text)) = piece, text.hasNUL { return true }
        }
        return false
    }
}

extension SQLQuery: Hashable {
    /// Whether text and values are equal, wherever the literals are.
    public static func == (left: SQLQuery, right: SQLQuery) -> Bool {
        guard left.hasSameText(as: right) || ExactText(left.text) == ExactText(right.text) else { return false }
        return left.values == right.values
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactText(text))
        hasher.combine(values)
    }
}
