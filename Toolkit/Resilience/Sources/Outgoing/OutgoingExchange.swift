/// A header of an outgoing request or of its response.
public struct OutgoingHeader: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// Whether its name is a token, is not one that the client sets itself, and its value is visible ASCII.
    var isValid: Bool {
        let others = Set("!#$%&'*+-.^_`|~".utf8)
        let isToken = name.utf8.allSatisfy {
            97...122 ~= $0 || 65...90 ~= $0 || 48...57 ~= $0 || others.contains($0)
        }
        return isToken && !name.isEmpty && !Self.reserved.contains(name.lowercased())
            && value.utf8.allSatisfy { 0x20...0x7E ~= $0 }
    }

    private static let reserved = [
        "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    ]
}

/// A request to another party.
public struct OutgoingRequest: Sendable {
    /// In capitals, as in `POST`.
    public var method: String
    public var url: OutgoingURL
    public var headers: [OutgoingHeader]
    public var body: [UInt8]
    /// Whether a repeat has no further effect: it reads, or has a key by which the other party recognises it.
    public var isRepeatable: Bool

    public init(
        _ method: String,
        _ url: OutgoingURL,
        headers: [OutgoingHeader] = [],
        body: [UInt8] = [],
        isRepeatable: Bool
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.isRepeatable = isRepeatable
    }
}

/// The response of another party, also when it is a failure or a redirect.
public struct OutgoingResponse: Sendable {
    public let status: Int
    public let headers: [OutgoingHeader]
    public let body: [UInt8]

    public init(status: Int, headers: [OutgoingHeader] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of a header; the case of its name does not matter.
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }
}
