/// A host and a TCP port.
public struct Address: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// A name or an IP address; IPv6 without brackets.
    public let host: String
    /// 1 to 65,535.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[v6]:port`; `nil` for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 300, let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), 1...65_535 ~= port
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public static func < (left: Address, right: Address) -> Bool {
        (left.host, left.port) < (right.host, right.port)
    }
}

/// A running instance of a service.
public struct Instance: Sendable, Hashable, Comparable {
    /// Unique within its service and stable across restarts.
    public let id: String
    /// REST and health.
    public let http: Address?
    /// gRPC for other services.
    public let grpc: Address?
    /// gRPC for operators.
    public let operate: Address?

    public init(id: String, http: Address?, grpc: Address?, operate: Address?) {
        self.id = id
        self.http = http
        self.grpc = grpc
        self.operate = operate
    }

    public static func < (left: Instance, right: Instance) -> Bool { left.id < right.id }
}
