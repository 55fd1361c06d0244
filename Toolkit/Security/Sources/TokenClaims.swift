import Foundation
import MartletCore

/// The claims of a token.
///
/// Decoded only after the signature check, and by hand where a library would trap.
struct TokenClaims: Codable, Equatable, Sendable {
    var iss: String
    var sub: String
    var aud: [String]
    /// Seconds since 1970.
    var exp: Int64
    var iat: Int64?
    var nbf: Int64?
    /// Separated by spaces (RFC 9068).
    var scope: String
    /// `user`, `service` or `guest`.
    var kind: String
    /// The program that asked for the token (RFC 9068).
    var client: String?
    /// The session of the issuer (OpenID Connect Front-Channel Logout).
    var session: String?
    /// When the user was authenticated, in seconds since 1970 (RFC 9068).
    var authenticatedAt: Int64?

    private enum CodingKeys: String, CodingKey {
        case iss, sub, aud, exp, iat, nbf, scope, kind
        case client = "client_id"
        case session = "sid"
        case authenticatedAt = "auth_time"
    }

    init(iss: String, sub: String, aud: [String], exp: Int64, iat: Int64?, nbf: Int64?, scope: String, kind: String) {
        self.iss = iss
        self.sub = sub
        self.aud = aud
        self.exp = exp
        self.iat = iat
        self.nbf = nbf
        self.scope = scope
        self.kind = kind
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        iss = try container.decode(String.self, forKey: .iss)
        sub = try container.decode(String.self, forKey: .sub)
        // RFC 7519: a single audience may be a string instead of a list.
        if let one = try? container.decode(String.self, forKey: .aud) {
            aud = [one]
        } else {
            aud = try container.decode([String].self, forKey: .aud)
        }
        exp = try container.decode(Int64.self, forKey: .exp)
        iat = try container.decodeIfPresent(Int64.self, forKey: .iat)
        nbf = try container.decodeIfPresent(Int64.self, forKey: .nbf)
        scope = try container.decodeIfPresent(String.self, forKey: .scope) ?? ""
        kind = try container.decodeIfPresent(String.self, forKey: .kind) ?? "user"
        client = try container.decodeIfPresent(String.self, forKey: .client)
        session = try container.decodeIfPresent(String.self, forKey: .session)
        authenticatedAt = try container.decodeIfPresent(Int64.self, forKey: .authenticatedAt)
    }
}

/// The requirements of a valid token of one issuer.
struct TokenRules: Sendable {
    static let scopesLimit = 64
    /// Valid times, in seconds since 1970; others are rejected before any arithmetic.
    static let timeRange: Range<Int64> = 0..<1 << 40

    let issuer: ExactText
    let alias: IssuerAlias
    /// The issuer whose subjects are users' ids as they are.
    let people: IssuerAlias
    let kinds: Set<Principal.Kind>
    /// `nil` for all.
    let scopes: Set<ExactText>?
    /// That of users' tokens.
    let audience: ExactText
    /// The services that run here: a service's token names one of them, and no other audience.
    let callees: Set<ExactText>
    let leeway: Duration

    /// The principal of valid claims.
    ///
    /// A service speaks for a guest, with the least power, until its call states for whom it speaks.
    func principal(_ claims: TokenClaims, at now: Timestamp) throws(TokenRefusal) -> Principal {
        guard ExactText(claims.iss) == issuer else { throw .issuer }
        try checkTimes(of: claims, at: now)
        guard Principal.isUserID(claims.sub) else { throw .subject }
        let names = claims.scope.split(separator: " ", maxSplits: Self.scopesLimit).map { String($0) }
        guard names.count <= Self.scopesLimit, names.allSatisfy(ScopeName.isValid) else { throw .scopes }
        let authentication = try authentication(of: claims, at: now)
        return try caller(claims, names).authenticated(by: authentication)
    }

    private func caller(_ claims: TokenClaims, _ names: [String]) throws(TokenRefusal) -> Principal {
        switch claims.kind {
        case "user":
            guard kinds.contains(.user) else { throw .kind }
            guard claims.aud.contains(where: { ExactText($0) == audience }) else { throw .audience }
            guard let id = Principal.userID(claims.sub, of: alias, people: people) else { throw .subject }
            let held = Set(names.map { ExactText($0) })
            guard scopes.map(held.isSubset) ?? true else { throw .scopes }
            return Principal(user: ExactText(id), scopes: held)
        case "service":
            guard kinds.contains(.service) else { throw .kind }
            // With a second audience, who is called could call another service with the token.
            guard claims.aud.count == 1, callees.contains(ExactText(claims.aud[0])) else { throw .audience }
            // What a service may do is in the contracts that it calls.
            guard names.isEmpty else { throw .scopes }
            return Principal(service: ExactText(claims.sub), for: .guest)
        case "guest":
            guard kinds.contains(.anonymous) else { throw .kind }
            guard claims.aud.contains(where: { ExactText($0) == audience }) else { throw .audience }
            // A guest has the power of a caller without a token.
            guard names.isEmpty else { throw .scopes }
            return .anonymous
        default: throw .subject
        }
    }

    private func authentication(of claims: TokenClaims, at now: Timestamp) throws(TokenRefusal) -> Authentication {
        for name in [claims.client, claims.session] where name.map(Principal.isUserID) == false { throw .session }
        if let time = claims.authenticatedAt {
            let leewaySeconds = leeway.nanosecondsClamped / 1_000_000_000
            guard Self.timeRange.contains(time), time - leewaySeconds <= now.milliseconds / 1_000 else {
                throw .session
            }
        }
        return Authentication(
            issuer: alias,
            client: claims.client.map { ExactText($0) },
            session: claims.session.map { ExactText($0) },
            time: claims.authenticatedAt.map { Timestamp(seconds: $0) }
        )
    }

    private func checkTimes(of claims: TokenClaims, at now: Timestamp) throws(TokenRefusal) {
        let leewaySeconds = leeway.nanosecondsClamped / 1_000_000_000
        let seconds = now.milliseconds / 1_000
        guard Self.timeRange.contains(claims.exp), seconds < claims.exp + leewaySeconds else { throw .expired }
        if let nbf = claims.nbf {
            guard Self.timeRange.contains(nbf), nbf - leewaySeconds <= seconds else { throw .notYetValid }
        }
        if let iat = claims.iat {
            guard Self.timeRange.contains(iat), iat - leewaySeconds <= seconds else { throw .issuedLater }
        }
    }
}

/// Why a token was rejected; logged, never reported to the caller.
enum TokenRefusal: Error, Equatable {
    case tooLong, malformed, key, algorithm, type, header, signature, issuer, audience, expired, notYetValid,
        issuedLater,
        subject, kind, scopes, session
}
