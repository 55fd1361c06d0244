import Crypto
import Foundation
import Logging
public import MartletCore
import Synchronization

/// Turns a bearer token into a principal, or rejects it.
///
/// The algorithm belongs to the key, not to the token; `none` and headers with a key of their own are rejected. Issuer,
/// audience, type `at+jwt` and expiry are required. A token has one text: a repeated name, bytes behind the JSON and
/// unused bits in base64 are rejected. Safe to share between tasks.
public final class TokenVerifier: Sendable {
    static let tokenBytesLimit = 4_096
    static let leewayLimit = Duration.seconds(60)
    /// Verified tokens that are cached until they expire.
    static let cachedTokensLimit = 10_000

    private let keys: [ExactText: TokenKey]
    private let rules: TokenRules
    private let time: any TimeSource
    private let verified = Mutex(VerifiedTokens(limit: TokenVerifier.cachedTokensLimit))

    /// - Parameters:
    ///   - keys: The issuer's public keys; the first one of an id is used.
    ///   - issuer: The required `iss`.
    ///   - audience: The required `aud`.
    ///   - leeway: Tolerated difference of the clocks; at most a minute.
    ///   - time: The wall clock for expiry.
    public init(keys: [TokenKey], issuer: String, audience: String, leeway: Duration, time: any TimeSource) {
        precondition(leeway >= .zero && leeway <= Self.leewayLimit)
        self.keys = Dictionary(keys.map { (ExactText($0.id), $0) }) { first, _ in first }
        rules = TokenRules(issuer: ExactText(issuer), audience: ExactText(audience), leeway: leeway)
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
        guard let key = keys[header.kid] else { throw .key }
        guard header.alg == ExactText(key.algorithm.rawValue) else { throw .algorithm }
        guard let signature = TokenHeader.base64URL(parts[2]), let payload = TokenHeader.base64URL(parts[1]) else {
            throw .malformed
        }
        let signed = bytes.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count)
        guard key.verification.isValid(signature, of: signed) else { throw .signature }
        guard TokenHeader.isObject(payload),
            let claims = try? JSONDecoder().decode(TokenClaims.self, from: payload)
        else { throw .malformed }
        let principal = try rules.principal(claims, at: now)
        let until = Timestamp(seconds: claims.exp) + rules.leeway
        verified.withLock { $0.insert(hash, VerifiedTokens.Entry(principal: principal, until: until)) }
        return principal
    }
}
