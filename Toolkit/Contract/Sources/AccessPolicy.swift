public import MartletCore

/// Who may call a method, as its contract states: one value that decides in gRPC, REST, the channels within a process, the
/// gateway and simulations alike.
///
/// A user is judged by ``users`` alone. A service is judged by ``callers`` alone, also when it speaks for a user.
public struct AccessPolicy: Sendable, Hashable {
    /// The users that may call.
    public enum Users: Sendable, Hashable {
        /// Also without a token.
        case anybody
        case noUser
        /// With a token that has this scope.
        case scope(String)
    }

    /// A service that may call, and for whom it may speak.
    public struct Caller: Sendable, Hashable {
        public enum Party: Sendable, Hashable, CaseIterable {
            /// For itself.
            case itself
            /// For any user.
            case users
            /// For a caller without a token.
            case guests
        }

        /// Its name in the registry; `nil` for any service.
        public let service: String?
        public let party: Party

        /// The service with this name in the registry.
        public static func service(_ name: String, for party: Party) -> Caller { Caller(service: name, party: party) }

        public static func anyService(for party: Party) -> Caller { Caller(service: nil, party: party) }

        private init(service: String?, party: Party) {
            self.service = service
            self.party = party
        }

        fileprivate func matches(_ name: ExactText, _ party: Principal.Party) -> Bool {
            self.party == Party(party) && service.map { ExactText($0) == name } ?? true
        }
    }

    /// What becomes of a call.
    public enum Decision: Sendable, Hashable {
        case allowed
        /// It has no token, and needs one.
        case tokenNeeded
        /// With the reason, for the caller.
        case refused(String)
    }

    public let users: Users
    /// Empty when no service may call.
    public let callers: [Caller]

    /// The scope that a user's token needs; `nil` where it needs none, or where no user may call.
    public var scope: String? {
        guard case .scope(let scope) = users else { return nil }
        return scope
    }

    public init(users: Users, callers: [Caller]) {
        self.users = users
        self.callers = callers
    }

    /// Decides about a call.
    ///
    /// - Parameters:
    ///   - principal: Who calls, by the token, and for whom.
    ///   - peer: Whom the connection authenticates; a service's token works only on a connection of that service. `nil`
    ///     when it authenticates no peer.
    public func decision(on principal: Principal, from peer: PeerIdentity?) -> Decision {
        switch (principal.kind, users) {
        case (.service, _): return decision(onService: principal, from: peer)
        case (.anonymous, .anybody), (.user, .anybody): return .allowed
        case (.anonymous, _): return .tokenNeeded
        case (.user, .noUser): return .refused("only services may call it")
        case (.user, .scope(let scope)):
            return principal.holds(scope) ? .allowed : .refused("the token lacks the scope \(scope)")
        }
    }

    private func decision(onService principal: Principal, from peer: PeerIdentity?) -> Decision {
        if let peer, peer.name != principal.id { return .refused("the connection is not one of \(principal.id)") }
        if callers.contains(where: { $0.matches(principal.id, principal.party) }) { return .allowed }
        return .refused("the service \(principal.id) may not call it \(Caller.Party(principal.party).words)")
    }
}

extension AccessPolicy.Caller.Party {
    init(_ party: Principal.Party) {
        self =
            switch party {
            case .itself: .itself
            case .user: .users
            case .guest: .guests
            }
    }

    fileprivate var words: String {
        switch self {
        case .itself: "for itself"
        case .users: "for users"
        case .guests: "for guests"
        }
    }
}

extension MethodDescriptor {
    /// Admits a call whose principal is known.
    ///
    /// - Parameters:
    ///   - principal: Who calls, and for whom.
    ///   - peer: Whom the connection authenticates; `nil` for no peer, as within a process.
    /// - Throws: `Fault` with `unauthenticated` when a token is needed and there is none, with `permissionDenied` when the
    ///   contract does not admit the caller.
    package func admit(_ principal: Principal, from peer: PeerIdentity?) throws(Fault) {
        switch access.decision(on: principal, from: peer) {
        case .allowed: return
        case .tokenNeeded: throw Fault(.unauthenticated, .unauthenticated, "a token is required")
        case .refused(let reason): throw Fault(.permissionDenied, .forbidden, reason)
        }
    }

    /// Admits a call that came over a network.
    ///
    /// - Parameters:
    ///   - caller: Whom its token identifies.
    ///   - speaksFor: The header in which a service's call states for whom it speaks; ignored for anybody else.
    ///   - peer: Whom the connection authenticates; `nil` for no peer.
    /// - Returns: The caller, with the party for whom a service speaks.
    /// - Throws: As ``admit(_:from:)``; `Fault` with `permissionDenied` also for a service's call that does not state for whom
    ///   it speaks: what is missing gives no power.
    package func admit(
        _ caller: Principal,
        speaksFor: String?,
        from peer: PeerIdentity?
    ) throws(Fault) -> Principal {
        var principal = caller
        if caller.kind == .service {
            guard let party = speaksFor.flatMap(Principal.Party.init(header:)) else {
                throw Fault(.permissionDenied, .forbidden, "a service's call must state for whom it speaks")
            }
            principal = caller.speaking(for: party)
        }
        try admit(principal, from: peer)
        return principal
    }
}
