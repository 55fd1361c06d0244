import MartletCore

/// A URL that is called, and where it comes from: `http` or `https`, a host, a port and a target.
///
/// It is written again from its parts, so that no second reader takes it for another one. Without user, fragment, backslashes
/// and characters beyond ASCII.
public struct OutgoingURL: Sendable, CustomStringConvertible {
    public static let bytesMax = 2_048

    /// Whether its addresses are judged: it comes from data, as the URL of a webhook that a caller gives.
    let isGuarded: Bool
    public let scheme: String
    /// In lower case; an IPv6 address without its brackets.
    public let host: String
    public let port: Int
    /// Path and query, beginning with a slash.
    public let target: String

    /// A URL of the deployment's own, such as a setting: it is reached as configured.
    ///
    /// `nil` when it has another form.
    public init?(configured text: String) { self.init(text, isGuarded: false) }

    /// A URL that a caller has chosen: only public addresses are reached.
    ///
    /// `nil` when it has another form.
    public init?(fromData text: String) { self.init(text, isGuarded: true) }

    private init?(_ text: String, isGuarded: Bool) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.bytesMax, bytes.allSatisfy({ 0x21...0x7E ~= $0 }),
            !bytes.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "#") }),
            let scheme = ["http", "https"].first(where: { text.lowercased().hasPrefix("\($0)://") })
        else { return nil }
        let rest = text.dropFirst("\(scheme)://".count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        guard let (host, port) = Self.authority(rest[..<end]) else { return nil }
        self.isGuarded = isGuarded
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme == "https" ? 443 : 80)
        target = (rest[end...].hasPrefix("/") ? "" : "/") + rest[end...]
    }

    private static func authority(_ text: Substring) -> (host: String, port: Int?)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = text[text.index(after: text.startIndex)..<end].lowercased()
            guard host.contains(":"), IPAddress(host) != nil else { return nil }
            return port(text[text.index(after: end)...]).map { (host, $0) }
        }
        let end = text.firstIndex(of: ":") ?? text.endIndex
        let host = text[..<end].lowercased()
        guard 1...253 ~= host.utf8.count,
            host.utf8.allSatisfy({ 97...122 ~= $0 || 48...57 ~= $0 || $0 == 45 || $0 == 46 })
        else { return nil }
        return port(text[end...]).map { (host, $0) }
    }

    /// - Parameter text: Empty, or a colon and a number.
    /// - Returns: `nil` for anything else; without a number inside for an empty text.
    private static func port(_ text: Substring) -> Int?? {
        if text.isEmpty { return .some(nil) }
        let digits = text.dropFirst()
        guard text.hasPrefix(":"), 1...5 ~= digits.utf8.count, digits.utf8.allSatisfy({ 48...57 ~= $0 }),
            let number = Int(digits), 1...65_535 ~= number
        else { return nil }
        return number
    }

    /// Scheme, host and port: one peer.
    var origin: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// The whole URL, with its port.
    public var description: String { origin + target }
}
