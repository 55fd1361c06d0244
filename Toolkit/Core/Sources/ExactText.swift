/// Text that identifies something: equal, ordered and hashed by its bytes in UTF-8, as SQL and JSON compare it.
///
/// `String` compares by Unicode's canonical equivalence: the Kelvin sign equals the letter K, and é as one character
/// equals e with an accent behind it. Two callers, keys or topics that differ only in this way are different ones, so
/// they are compared, put into sets and used as keys of dictionaries in this type.
///
/// ```swift
/// func isOwner(_ call: Call, of link: (code: String, owner: String)) -> Bool {
///     call.principal.subject == ExactText(link.owner)
/// }
/// ```
public struct ExactText: Sendable, Hashable, Comparable {
    public let text: String

    public init(_ text: String) { self.text = text }

    public var isEmpty: Bool { text.isEmpty }

    public static func == (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// The order of the bytes, which is SQL's.
    public static func < (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // No byte of UTF-8: two texts in sequence do not hash like two others.
        hasher.combine(UInt8.max)
    }
}

extension ExactText: CustomStringConvertible {
    public var description: String { text }
}

extension ExactText: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self.init(text) }
}

extension ExactText: Codable {
    /// As a string.
    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
