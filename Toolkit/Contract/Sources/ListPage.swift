import MartletCore
import SwiftProtobuf

/// A request for one page of a list: generated for every request that has `page_size` and `page_token`.
public protocol PagedRequest: ContractMessage {
    /// How many rows the caller wants at most; 0 for the method's default.
    var pageSize: UInt32 { get set }
    /// Empty for the first page, otherwise the previous page's `next_page_token`.
    var pageToken: String { get set }
}

/// One page of a list: which rows to read, and the token of the next page.
///
/// The rows are sorted by a unique key, whose parts the token holds, so that rows which are added or deleted meanwhile
/// neither repeat nor hide others. A token belongs to one list: another method, or another filter, refuses it.
///
/// ```swift
/// func codes(_ request: some PagedRequest, _ call: Call) async throws -> (rows: [String], next: String) {
///     let page = try ListPage(request, size: 20, keys: 1)
///     let found = try await call.read(kind: .scan) { tx in
///         try tx.run("SELECT code FROM links WHERE code > \(page.after[0]) ORDER BY code LIMIT \(page.limit)")
///             .map { try $0.text(0) }
///     }
///     return page.cut(found) { code in [code] }
/// }
/// ```
public struct ListPage: Sendable, Hashable {
    /// The most rows of the page.
    public let size: Int
    /// The key of the row before the page; empty parts for the first page.
    public let after: PageToken
    private let isFirst: Bool

    /// - Parameters:
    ///   - request: The request for the page.
    ///   - size: The size when the request names none; at least 1.
    ///   - keys: The number of parts of the sort key; at least 1.
    /// - Throws: `Fault` with `invalidArgument` and the field `page_token` for a token that this list did not give.
    public init(_ request: some PagedRequest, size: Int, keys: Int) throws {
        precondition(size >= 1 && keys >= 1)
        self.size = request.pageSize == 0 ? size : Int(request.pageSize)
        isFirst = request.pageToken.isEmpty
        after = try PageToken(request.pageToken, of: Self.list(of: request), parts: keys)
    }

    /// A part of the key that is a whole number; `nil` for the first page.
    ///
    /// - Throws: `Fault` with `invalidArgument` and the field `page_token` when it is none.
    public func number(_ part: Int) throws -> Int64? {
        if isFirst { return nil }
        guard let number = Int64(after[part]) else { throw PageToken.foreign }
        return number
    }

    /// Identifies the list: what is requested, without the page.
    private static func list<Request: PagedRequest>(of request: Request) throws -> ExactText {
        var request = request
        request.pageSize = 0
        request.pageToken = ""
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let bytes: [UInt8] = try request.serializedBytes(options: options)
        var hash = FNV1a()
        hash.add(Request.shape.name)
        for byte in bytes { hash.add(UInt64(byte)) }
        return ExactText(hash.value.hexadecimal)
    }

    /// How many rows to read: one more than the page has, to know whether another page follows.
    public var limit: Int { size + 1 }

    /// Cuts the rows that were read to the page's size.
    ///
    /// - Parameters:
    ///   - rows: At most ``limit``, by their key.
    ///   - key: The parts of a row's sort key.
    /// - Returns: The page's rows, and the token of the next page: empty after the last one.
    public func cut<Row>(_ rows: [Row], key: (Row) -> [String]) -> (rows: [Row], next: String) {
        guard rows.count > size, let last = rows.prefix(size).last else { return (rows, "") }
        return (Array(rows.prefix(size)), PageToken(key(last), of: after.list).text)
    }
}
