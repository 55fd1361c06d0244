/// Where a collector receives OTLP over HTTP: the base address, as OpenTelemetry's own setting has it.
struct CollectorAddress: Sendable, Hashable {
    /// The port of OTLP over HTTP.
    static let standardPort = 4_318
    static let expected = "must be an address such as http://127.0.0.1:4318; not https"

    let host: String
    let port: Int
    /// For spans.
    let path: String

    /// - Parameter text: `http://host`, with an optional port and an optional path, to which `/v1/traces` is added. `nil` for
    ///   anything else: without TLS, since a collector stands beside the service.
    init?(_ text: String) {
        guard text.hasPrefix("http://"), text.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "?") }) else {
            return nil
        }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        var base = rest.dropFirst(authority.count)
        while base.last == "/" { base.removeLast() }
        path = "\(base)/v1/traces"
        guard !authority.contains("@"), !authority.contains("#"), !base.contains("#") else { return nil }
        var name = authority
        var number = Substring("\(Self.standardPort)")
        let bracket = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[bracket...].lastIndex(of: ":") {
            name = authority[..<colon]
            number = authority[authority.index(after: colon)...]
        }
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        guard !name.isEmpty, let port = Int(number), 1...65_535 ~= port else { return nil }
        host = String(name)
        self.port = port
    }
}
