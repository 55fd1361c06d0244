import MartletCore

/// The position of the next page: the sort key of the last row of the previous page, opaque to clients.
public struct PageToken: Sendable, Hashable {
    /// The parts of the sort key, in order.
    let parts: [String]

    init(_ parts: [String]) { self.parts = parts }

    /// Parses a value of `text`; an empty token is before the first row.
    ///
    /// - Throws: `Fault` with `invalidArgument` and the field `page_token`.
    init(_ text: String, parts count: Int) throws {
        guard !text.isEmpty else {
            parts = Array(repeating: "", count: count)
            return
        }
        let pieces = text.split(separator: ".", omittingEmptySubsequences: false).map { Self.decoded($0) }
        let decoded = pieces.compactMap { $0 }
        guard decoded.count == count, pieces.count == count else {
            throw Fault(.invalidArgument, .invalidRequest, "is not a page token of this list", field: "page_token")
        }
        parts = decoded
    }

    public subscript(index: Int) -> String { parts[index] }

    /// Hexadecimal parts separated by dots: safe in a query string.
    var text: String {
        parts.map { $0.utf8.hexadecimal }.joined(separator: ".")
    }

    private static func decoded(_ part: Substring) -> String? {
        let digits = Array(part.utf8)
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
