import HTTPTypes

/// A cookie that a response sets: by default for all paths, over TLS only, and not for scripts.
public struct SetCookie: Sendable, Hashable {
    /// Whether requests from pages of other sites have the cookie.
    public enum SameSite: String, Sendable {
        case strict = "Strict"
        /// With links, and not with forms and scripts.
        case lax = "Lax"
        case none = "None"
    }

    public let name: String
    public let value: String
    /// For paths that begin with it.
    public var path = "/"
    /// `nil`: until the browser ends; zero removes the cookie.
    public var maxAge: Duration?
    public var isSecure = true
    public var isHTTPOnly = true
    public var sameSite = SameSite.lax

    /// `nil` when the name is no token, or the value has other characters than a cookie may have (RFC 6265, section 4.1.1).
    public init?(_ name: String, _ value: String) {
        guard HTTPField.Name(name) != nil, value.utf8.allSatisfy(Self.isValueByte) else { return nil }
        self.name = name
        self.value = value
    }

    /// The value of `Set-Cookie`.
    var field: String {
        var parts = ["\(name)=\(value)", "Path=\(path)"]
        if let maxAge { parts.append("Max-Age=\(max(0, maxAge.components.seconds))") }
        if isSecure { parts.append("Secure") }
        if isHTTPOnly { parts.append("HttpOnly") }
        parts.append("SameSite=\(sameSite.rawValue)")
        return parts.joined(separator: "; ")
    }

    private static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x23...0x2B, 0x2D...0x3A, 0x3C...0x5B, 0x5D...0x7E: true
        default: false
        }
    }
}
