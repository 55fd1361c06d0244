public import HTTPTypes

/// A request as a listener has received it.
public struct ServerRequest: Sendable {
    /// The method, the target and the header fields.
    public let head: HTTPRequest
    /// The body, which is read as it arrives.
    public let body: RequestBody
    /// The path of the target, with its percent-encoding; `/` when the target has none.
    public let path: String
    /// What follows the first `?` of the target; `nil` when it has none.
    public let query: String?

    public init(head: HTTPRequest, body: RequestBody) {
        self.head = head
        self.body = body
        (path, query) = Self.parts(of: head.path ?? "")
    }

    public var method: HTTPRequest.Method { head.method }
    public var headers: HTTPFields { head.headerFields }

    /// The path and the query of a target, which may be a whole URI.
    private static func parts(of target: String) -> (path: String, query: String?) {
        var rest = target.utf8[...]
        if rest.first != UInt8(ascii: "/"), let host = Self.host(in: rest) {
            rest = rest[host...].drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        }
        let parts = rest.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(Substring(parts[0]))
        guard parts.count == 2 else { return (path.isEmpty ? "/" : path, nil) }
        return (path.isEmpty ? "/" : path, String(Substring(parts[1].prefix { $0 != UInt8(ascii: "#") })))
    }

    /// Where the host of a URI begins.
    private static func host(in target: Substring.UTF8View) -> Substring.UTF8View.Index? {
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let rest = target[colon...]
        return rest.starts(with: "://".utf8) ? rest.index(colon, offsetBy: 3) : nil
    }
}
