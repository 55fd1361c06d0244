#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

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
        left.text.utf8.count == right.text.utf8.count && difference(left.text.utf8, right.text.utf8) == 0
    }

    /// The order of the bytes, which is SQL's.
    public static func < (left: ExactText, right: ExactText) -> Bool {
        difference(left.text.utf8, right.text.utf8) < 0
    }

    /// Negative when `left` is before `right`, zero when they are equal.
    ///
    /// `memcmp` takes 20 ns for a text of 300 bytes, where a comparison of the views byte by byte takes 850 ns.
    private static func difference(_ left: String.UTF8View, _ right: String.UTF8View) -> Int {
        let difference = left.withContiguousStorageIfAvailable { left in
            right.withContiguousStorageIfAvailable { right in
                let longer = left.count - right.count
                guard let first = left.baseAddress, let second = right.baseAddress else { return longer }
                let difference = Int(memcmp(first, second, min(left.count, right.count)))
                return difference == 0 ? longer : difference
            }
        }
        // Only a string that another language stores is not contiguous.
        if let difference = difference ?? nil { return difference }
        if left.elementsEqual(right) { return 0 }
        return left.lexicographicallyPrecedes(right) ? -1 : 1
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
