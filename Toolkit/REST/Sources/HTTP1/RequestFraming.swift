/// How the body of a request ends, and which lines of its head are ignored: what a head states, checked by RFC 9112.
///
/// Two programs that read one head differently let a client smuggle a request past one of them. So everything that the
/// standard forbids is refused, also where parsers usually choose one of two readings.
struct RequestFraming: Equatable {
    enum Body: Equatable {
        case none
        /// So many bytes, at least 1.
        case length(Int)
        case chunks
    }

    private enum Name {
        static let host = Array("host".utf8)
        static let contentLength = Array("content-length".utf8)
        static let transferEncoding = Array("transfer-encoding".utf8)
        static let upgrade = Array("upgrade".utf8)
    }

    private static let chunked = Array("chunked".utf8)

    let body: Body
    /// The lines that are not for the parser, as ranges of the head with their ends: `Upgrade`, which a server may ignore.
    private(set) var ignored: [Range<Int>] = []

    /// - Parameter head: A whole one that ``HeadScan`` has accepted, with its empty line.
    init(_ head: [UInt8]) throws(RequestRefusal) {
        var fields = Fields()
        var rest = head[...]
        let line = try RequestLine(Self.nextLine(&rest))
        while true {
            let start = rest.startIndex
            let text = try Self.nextLine(&rest)
            guard !text.isEmpty else { break }
            let colon = try Self.colon(of: text)
            if text[..<colon].isName(Name.upgrade) {
                ignored.append(start..<rest.startIndex)
            } else {
                fields.add(text[..<colon], text[(colon + 1)...])
            }
        }
        try Self.check(fields.hosts, line)
        body = try Self.body(fields, line)
    }

    /// The values of the fields that decide about a request.
    private struct Fields {
        var hosts: [ArraySlice<UInt8>] = []
        var lengths: [ArraySlice<UInt8>] = []
        var encodings: [ArraySlice<UInt8>] = []

        mutating func add(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
            if name.isName(Name.host) { hosts.append(value.trimmed) }
            if name.isName(Name.contentLength) { lengths.append(value.trimmed) }
            if name.isName(Name.transferEncoding) { encodings.append(value.trimmed) }
        }
    }

    /// Takes a line, and returns it without its end.
    private static func nextLine(_ rest: inout ArraySlice<UInt8>) throws(RequestRefusal) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(of: 0x0D), end + 1 < rest.endIndex else { throw .lineEnd }
        defer { rest = rest[(end + 2)...] }
        return rest[..<end]
    }

    /// The index of the colon after the name of a field.
    private static func colon(of line: ArraySlice<UInt8>) throws(RequestRefusal) -> Int {
        for index in line.indices where !line[index].isTokenByte {
            guard line[index] == UInt8(ascii: ":"), index > line.startIndex else { break }
            return index
        }
        throw .malformed(part: "head", rule: "must have fields of a name, a colon right after it, and a value")
    }

    private static func check(_ hosts: [ArraySlice<UInt8>], _ line: RequestLine) throws(RequestRefusal) {
        guard hosts.count <= 1 else { throw .malformed(part: "Host", rule: "must be given once") }
        guard let host = hosts.first else {
            guard line.isHTTP10 else { throw .malformed(part: "Host", rule: "is required") }
            return
        }
        guard HostField.isValid(host) else {
            throw .malformed(part: "Host", rule: "must be a name or an address, and optionally a port")
        }
    }

    private static func body(_ fields: Fields, _ line: RequestLine) throws(RequestRefusal) -> Body {
        guard let encoding = fields.encodings.first else { return try length(fields.lengths) }
        guard !line.isHTTP10 else {
            throw .malformed(part: "Transfer-Encoding", rule: "does not exist in HTTP/1.0")
        }
        guard fields.encodings.count == 1, encoding.isName(chunked) else {
            throw .malformed(part: "Transfer-Encoding", rule: "must be chunked, and given once")
        }
        guard fields.lengths.isEmpty else {
            throw .malformed(part: "Content-Length", rule: "must not be given with Transfer-Encoding")
        }
        return .chunks
    }

    private static func length(_ lengths: [ArraySlice<UInt8>]) throws(RequestRefusal) -> Body {
        guard let text = lengths.first else { return .none }
        guard lengths.count == 1 else { throw .malformed(part: "Content-Length", rule: "must be given once") }
        guard !text.isEmpty, text.allSatisfy(\.isDigit) else {
            throw .malformed(part: "Content-Length", rule: "must be a number of bytes")
        }
        guard let length = Int(String(decoding: text, as: Unicode.UTF8.self)) else { throw .bodyTooLong }
        return length > 0 ? .length(length) : .none
    }
}
