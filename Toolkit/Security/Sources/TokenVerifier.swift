import Crypto
import Foundation
import Logging
public import MartletCore
import Synchronization

/// Turns a bearer token into a principal, or rejects it.
///
/// A user's token is for the API as a whole; a service's names the one service that it is for. The algorithm belongs to the
/// key, not to the token; `none` and headers with a key of their own are rejected. Issuer,
/// audience, type `at+jwt` and expiry are required. A token has one text: a repeated name, bytes behind the JSON and
/// unused bits in base64 are rejected. Safe to share between tasks.
public final class TokenVerifier: Sendable {
    static let tokenBytesLimit = 4_096
    static let leewayLimit = Duration.seconds(60)
    /// Verified tokens that are cached until they expire.
    static let cachedTokensLimit = 10_000

    /// A key, and what it speaks for.
    private struct Entry: Sendable {
        let key: TokenKey
        let rules: TokenRules
    }

    /// By the id of the key; two issuers may have one id.
    private let entries: [ExactText: [Entry]]
    private let time: any TimeSource
    private let verified = Mutex(VerifiedTokens(limit: TokenVerifier.cachedTokensLimit))

    /// - Parameters:
    ///   - issuers: Whose tokens are accepted.
    ///   - audience: The required `aud` of users' tokens.
    ///   - callees: The names of the services that run here: a service's token is for one of them. Empty where no service
    ///     calls, as at a gateway.
    ///   - leeway: Tolerated difference of the clocks; at most a minute.
    ///   - time: The wall clock for expiry.
    public init(
        issuers: [TokenIssuer],
        audience: String,
        callees: [String],
        leeway: Duration,
        time: any TimeSource
    ) {
        precondition(leeway >= .zero && leeway <= Self.leewayLimit)
        var entries: [ExactText: [Entry]] = [:]
        for issuer in issuers {
            let rules = TokenRules(
                issuer: ExactText(issuer.name),
                kinds: issuer.kinds,
                scopes: issuer.scopes,
                audience: ExactText(audience),
                callees: Set(callees.map { ExactText($0) }),
                leeway: leeway
            )
            for key in issuer.keys {
                let own = entries[ExactText(key.id), default: []]
                guard !own.contains(where: { $0.rules.issuer == rules.issuer }) else { continue }
                entries[ExactText(key.id)] = own + [Entry(key: key, rules: rules)]
            }
        }
        self.entries = entries
        self.time = time
    }

    /// The principal of `token`.
    ///
    /// - Throws: `Fault` with `unauthenticated`, without the reason.
    public func verify(_ token: String) throws -> Principal {
        do {
            return try check(token)
        } catch {
            Logger.current.debug("token rejected", metadata: ["reason": "\(error)"])
            throw Fault(.unauthenticated, .unauthenticated, "the token is not valid", cause: error)
        }
    }

    /// The principal of `token`; `anonymous` for `nil`.
    ///
    /// - Throws: `Fault` with `unauthenticated` for a token that is not valid.
    public func principal(_ token: String?) throws -> Principal { try token.map(verify) ?? .anonymous }

    /// The principal of a token that was verified before, and has not expired; `nil` for any other.
    ///
    /// Takes microseconds; a signature is not checked.
    public func verifiedBefore(_ token: String) -> Principal? {
        guard token.utf8.count <= Self.tokenBytesLimit else { return nil }
        let hash = Array(SHA256.hash(data: Array(token.utf8)))
        return verified.withLock { $0.find(hash, at: time.date) }
    }

    func check(_ token: String) throws(TokenRefusal) -> Principal {
        guard token.utf8.count <= Self.tokenBytesLimit else { throw .tooLong }
        let bytes = Array(token.utf8)
        let hash = Array(SHA256.hash(data: bytes))
        let now = time.date
        if let cached = verified.withLock({ $0.find(hash, at: now) }) { return cached }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        let header = try TokenHeader(parts[0])
        guard let known = entries[header.kid] else { throw .key }
        let ofAlgorithm = known.filter { header.alg == ExactText($0.key.algorithm.rawValue) }
        guard !ofAlgorithm.isEmpty else { throw .algorithm }
        guard let signature = TokenHeader.base64URL(parts[2]), let payload = TokenHeader.base64URL(parts[1]) else {
            throw .malformed
        }
        let signed = bytes.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count)
        guard let entry = ofAlgorithm.first(where: { $0.key.verification.isValid(signature, of: signed) }) else {
            throw .signature
        }
        guard TokenHeader.isObject(payload),
            let claims = try? JSONDecoder().decode(TokenClaims.self, from: payload)
        else { throw .malformed }
        let principal = try entry.rules.principal(claims, at: now)
        let until = Timestamp(seconds: claims.exp) + entry.rules.leeway
        verified.withLock { $0.insert(hash, VerifiedTokens.Entry(principal: principal, until: until)) }
        return principal
    }
}
