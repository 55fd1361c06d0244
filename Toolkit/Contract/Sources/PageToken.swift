import MartletCore

/// The position of the next page: the list, and the sort key of the last row of the previous page; opaque to clients.
public struct PageToken: Sendable, Hashable {
    /// Identifies the list, in hexadecimal.
    let list: ExactText
    /// The parts of the sort key, in order.
    let parts: [ExactText]

    init(_ parts: [String], of list: ExactText) {
        self.list = list
        self.parts = parts.map(ExactText.init(_:))
    }

    /// Parses a value of `text`; an empty token is before the first row.
    ///
    /// - Throws: `Fault` with `invalidArgument` and the field `page_token`, also for a token of another list.
    init(_ text: String, of list: ExactText, parts count: Int) throws {
        guard !text.isEmpty else {
            self.init(Array(repeating: "", count: count), of: list)
            return
        }
        let pieces = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let decoded = pieces.dropFirst().compactMap { Self.decoded($0) }
        guard let first = pieces.first, first.elementsEqual(list.text.utf8), decoded.count == count,
            pieces.count == count + 1
        else { throw Self.foreign }
        self.init(decoded, of: list)
    }

    /// A part of the sort key; empty before the first row.
    public subscript(index: Int) -> String { parts[index].text }

    /// The list and hexadecimal parts, separated by dots: safe in a query string.
    var text: String {
        ([list.text] + parts.map { $0.text.utf8.hexadecimal }).joined(separator: ".")
    }

    static var foreign: Fault {
        Fault(.invalidArgument, .invalidRequest, "is not a page token of this list", field: "page_token")
    }

    private static func decoded(_ part: Substring.UTF8View) -> String? {
        let digits = Array(part)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
