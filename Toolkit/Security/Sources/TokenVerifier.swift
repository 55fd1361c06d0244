import Crypto
import Foundation
import JWTKit
import Logging
public import MartletCore
import Synchronization

/// Turns a bearer token into a principal, or refuses it.
///
/// The algorithm belongs to the key, not to the token; `none` is no algorithm here, and headers that bring a key of their own are
/// refused. Issuer, audience, type `at+jwt` and expiry are required. Safe to share between tasks.
public final class TokenVerifier: Sendable {
    public static let tokenBytesLimit = 4_096
    public static let leewayLimit = Duration.seconds(60)
    /// Verified tokens that are remembered until they expire.
    public static let rememberedLimit = 10_000

    private let keys: [String: TokenKey]
    private let rules: TokenRules
    private let time: any TimeSource
    private let verified = Mutex(VerifiedTokens(limit: TokenVerifier.rememberedLimit))

    /// - Parameter leeway: How far the issuer's clock may be off; at most a minute.
    public init(keys: [TokenKey], issuer: String, audience: String, leeway: Duration, time: any TimeSource) {
        precondition(leeway >= .zero && leeway <= Self.leewayLimit)
        self.keys = Dictionary(keys.map { ($0.id, $0) }) { first, _ in first }
        rules = TokenRules(issuer: issuer, audience: audience, leeway: leeway)
        self.time = time
    }

    /// Who sends `token`.
    ///
    /// - Throws: `Fault` with `unauthenticated`, which does not say why.
    public func verify(_ token: String) throws -> Principal {
        do {
            return try check(token)
        } catch {
            Logger.current.debug("token refused", metadata: ["why": "\(error)"])
            throw Fault(.unauthenticated, .unauthenticated, "the token is not valid", cause: error)
        }
    }

    /// Who sends `token`; `anonymous` when there is none.
    ///
    /// - Throws: `Fault` with `unauthenticated` for a token that is not valid.
    public func principal(_ token: String?) throws -> Principal { try token.map(verify) ?? .anonymous }

    func check(_ token: String) throws(TokenRefusal) -> Principal {
        guard token.utf8.count <= Self.tokenBytesLimit else { throw .tooLong }
        let bytes = Array(token.utf8)
        let hash = Array(SHA256.hash(data: bytes))
        let now = time.date
        if let known = verified.withLock({ $0.find(hash, at: now) }) { return known }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        let header = try TokenHeader(parts[0])
        guard let key = keys[header.kid] else { throw .key }
        guard header.alg == key.algorithm.rawValue else { throw .algorithm }
        guard let signature = TokenHeader.base64URL(parts[2]), let payload = TokenHeader.base64URL(parts[1]) else {
            throw .malformed
        }
        let signed = bytes.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count)
        guard (try? key.check.verify(signature, signs: signed)) == true else { throw .signature }
        guard let claims = try? JSONDecoder().decode(TokenClaims.self, from: payload) else { throw .malformed }
        let principal = try rules.principal(claims, at: now)
        let until = Timestamp(seconds: claims.exp) + rules.leeway
        verified.withLock { $0.remember(hash, VerifiedTokens.Entry(principal: principal, until: until)) }
        return principal
    }
}
