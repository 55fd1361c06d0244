import MartletCore

/// A request for one page of a list: generated for every request that has `page_size` and `page_token`.
public protocol PagedRequest: ContractMessage {
    /// How many rows the caller wants at most; 0 for the method's default.
    var pageSize: UInt32 { get }
    /// Empty for the first page, otherwise the previous page's `next_page_token`.
    var pageToken: String { get }
}

/// One page of a list: which rows to read, and the token of the next page.
///
/// The rows are sorted by a unique key, whose parts the token holds, so that rows which are added or deleted meanwhile
/// neither repeat nor hide others.
///
/// ```swift
/// func codes(_ request: some PagedRequest, _ call: Call) async throws -> (rows: [String], next: String) {
///     let page = try ListPage(request, size: 20, keys: 1)
///     let found = try await call.read { tx in
///         try tx.run("SELECT code FROM links WHERE code > \(page.after[0]) ORDER BY code LIMIT \(page.limit)")
///             .map { $0.text(0) }
///     }
///     return page.cut(found) { code in [code] }
/// }
/// ```
public struct ListPage: Sendable, Hashable {
    /// The most rows of the page.
    public let size: Int
    /// The key of the row before the page; empty parts for the first page.
    public let after: PageToken

    /// - Parameters:
    ///   - request: The request for the page.
    ///   - size: The size when the request names none; at least 1.
    ///   - keys: The number of parts of the sort key; at least 1.
    /// - Throws: `Fault` with `invalidArgument` and the field `page_token` for a token of another list.
    public init(_ request: some PagedRequest, size: Int, keys: Int) throws {
        precondition(size >= 1 && keys >= 1)
        self.size = request.pageSize == 0 ? size : Int(request.pageSize)
        after = try PageToken(request.pageToken, parts: keys)
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
        return (Array(rows.prefix(size)), PageToken(key(last)).text)
    }
}
