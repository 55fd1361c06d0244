/// Who is calling, after verification.
public struct Principal: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// Unauthenticated; may read public data.
        case anonymous
        /// A person or an external system, with a verified token.
        case user
        /// One of our own services.
        case service
    }

    public let kind: Kind
    /// The token's subject, or the service's name; empty for `anonymous`.
    public let id: ExactText
    public let scopes: Set<ExactText>
    /// For a service that acts on behalf of another principal: that principal's id.
    public let onBehalfOf: ExactText?

    public init(kind: Kind, id: ExactText, scopes: Set<ExactText>, onBehalfOf: ExactText? = nil) {
        self.kind = kind
        self.id = id
        self.scopes = scopes
        self.onBehalfOf = onBehalfOf
    }

    public static let anonymous = Principal(kind: .anonymous, id: "", scopes: [])

    /// The id whose data this call is about: the represented principal for a service, the caller otherwise.
    public var subject: ExactText { onBehalfOf ?? id }

    /// The scope that every service has implicitly.
    public static let serviceScope = "service"

    /// True when the principal holds `scope`, or one of several separated by `|`, as in `links:write|service`.
    ///
    /// A service has its granted scopes and ``serviceScope``, no others.
    public func holds(_ scope: String) -> Bool {
        if scope.isEmpty || scopes.contains(ExactText(scope)) { return true }
        return scope.split(separator: "|").contains { one in
            kind == .service && one == Self.serviceScope || scopes.contains(ExactText(String(one)))
        }
    }
}
