/// The first line of a request: method, target and version, with one space between them (RFC 9112, section 3).
struct RequestLine: Equatable {
    private static let http10 = Array("HTTP/1.0".utf8)
    private static let http11 = Array("HTTP/1.1".utf8)
    private static let connect = Array("CONNECT".utf8)
    private static let options = Array("OPTIONS".utf8)
    private static let schemes = [Array("http://".utf8), Array("https://".utf8)]

    let isHTTP10: Bool

    /// - Parameter line: Without its end.
    init(_ line: ArraySlice<UInt8>) throws(RequestRefusal) {
        let parts = line.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(\.isTokenByte) else {
            throw Self.refusal("must be a method, a target and a version, with one space between them")
        }
        guard parts[2].elementsEqual(Self.http11) || parts[2].elementsEqual(Self.http10) else {
            throw Self.refusal("must have the version HTTP/1.1 or HTTP/1.0")
        }
        isHTTP10 = parts[2].elementsEqual(Self.http10)
        guard !parts[0].elementsEqual(Self.connect) else { throw .unsupportedMethod }
        guard Self.isTarget(parts[1], isOptions: parts[0].elementsEqual(Self.options)) else {
            throw Self.refusal("must have a path, or a URI of HTTP, as its target")
        }
    }

    private static func refusal(_ rule: String) -> RequestRefusal { .malformed(part: "request line", rule: rule) }

    /// A path with a query, an absolute URI without a fragment, or `*` for OPTIONS.
    private static func isTarget(_ target: ArraySlice<UInt8>, isOptions: Bool) -> Bool {
        guard target.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") }) else { return false }
        if target.first == UInt8(ascii: "/") { return true }
        if isOptions, target.elementsEqual([UInt8(ascii: "*")]) { return true }
        guard let scheme = schemes.first(where: { target.count > $0.count && target.prefix($0.count).isName($0) })
        else {
            return false
        }
        let rest = target.dropFirst(scheme.count)
        return HostField.isValid(rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
    }
}

extension UInt8 {
    /// Of a token: method and field names (RFC 9110, section 5.6.2).
    var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "!"), UInt8(ascii: "#"),
            UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"),
            UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
            UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}

extension ArraySlice<UInt8> {
    /// Whether this is `name`, which is in lower case; ASCII letters in any case.
    func isName(_ name: [UInt8]) -> Bool {
        guard count == name.count else { return false }
        return zip(self, name).allSatisfy { byte, wanted in
            byte == wanted || (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte && byte | 0x20 == wanted)
        }
    }

    /// Without spaces and tabs at both ends.
    var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isSpace }), let last = lastIndex(where: { !$0.isSpace }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }
}

extension UInt8 {
    /// A space or a tab.
    var isSpace: Bool { self == 0x20 || self == 0x09 }
}
