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

    /// For whom a service makes a call: each call of a service states one.
    ///
    /// It is attribution, not power: a user's scopes do not come with it, and it holds days later, after the user has
    /// signed out or was erased.
    public enum Party: Sendable, Hashable {
        /// For itself: no other party asked for the call.
        case itself
        /// For the user with this id, which is never empty.
        case user(ExactText)
        /// For a caller without a token.
        case guest
    }

    public let kind: Kind
    /// The user's id, or the service's name; empty for `anonymous`.
    ///
    /// A user's id is the subject of its token: bare for the deployment's issuer of people, and behind the issuer's alias for
    /// any other, in a form that no bare subject has.
    public let id: ExactText
    /// What a user's token permits; empty for anybody else.
    public let scopes: Set<ExactText>
    /// For whom a service speaks; anybody else speaks for itself.
    public let party: Party
    /// How the caller was authenticated; `nil` without a token, as within a process.
    public private(set) var authentication: Authentication?

    private init(kind: Kind, id: ExactText, scopes: Set<ExactText>, party: Party) {
        self.kind = kind
        self.id = id
        self.scopes = scopes
        self.party = party
    }

    /// A user.
    ///
    /// - Parameters:
    ///   - id: The user's id, not empty.
    ///   - scopes: What the token permits.
    public init(user id: ExactText, scopes: Set<ExactText>) {
        self.init(kind: .user, id: id, scopes: scopes, party: .itself)
    }

    /// A service.
    ///
    /// - Parameters:
    ///   - name: Its name in the registry.
    ///   - party: For whom it speaks.
    public init(service name: ExactText, for party: Party) {
        self.init(kind: .service, id: name, scopes: [], party: party)
    }

    public static let anonymous = Principal(kind: .anonymous, id: "", scopes: [], party: .itself)

    /// This principal, authenticated in this way.
    package func authenticated(by authentication: Authentication) -> Principal {
        var principal = self
        principal.authentication = authentication
        return principal
    }

    /// A service that speaks for `party`, authenticated as it was.
    package func speaking(for party: Party) -> Principal {
        var principal = Principal(kind: kind, id: id, scopes: scopes, party: party)
        principal.authentication = authentication
        return principal
    }

    /// The id whose data this call is about: the user for a service that speaks for one, the caller otherwise; empty for
    /// a guest.
    public var subject: ExactText {
        switch party {
        case .itself: id
        case .user(let user): user
        case .guest: ""
        }
    }

    /// The user who calls, or for whom a service calls; `nil` for a guest, and for a service that speaks for itself.
    public var user: ExactText? {
        switch (kind, party) {
        case (.user, _): id
        case (.service, .user(let user)): user
        case (.service, _), (.anonymous, _): nil
        }
    }

    /// True for a user whose token permits `scope`; a service holds none.
    public func holds(_ scope: String) -> Bool { scopes.contains(ExactText(scope)) }

    /// The principal of a call that `service` makes while it handles a call of this one.
    ///
    /// A user or a guest is named; a service never is: what it asks for itself, `service` asks for itself.
    public func spoken(by service: ExactText) -> Principal {
        switch kind {
        case .anonymous: Principal(service: service, for: .guest)
        case .user: Principal(service: service, for: .user(id))
        case .service: Principal(service: service, for: party)
        }
    }
}
