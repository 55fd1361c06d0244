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
///
/// Keys are those that each issuer's ``KeySource`` has at the moment: a token of a withdrawn key is rejected, also one that was
/// verified before.
public final class TokenVerifier: Sendable {
    static let tokenBytesLimit = 4_096
    static let leewayLimit = Duration.seconds(60)
    /// Verified tokens that are cached until they expire.
    static let cachedTokensLimit = 10_000

    private let sources: [any KeySource]
    private let time: any TimeSource
    private let trusted: Mutex<TrustedKeys>

    /// - Parameters:
    ///   - issuers: Whose tokens are accepted: no two with one alias, and at most one that speaks for services.
    ///   - people: The issuer whose subjects are users' ids as they are; those of any other stand behind its alias.
    ///   - audience: The required `aud` of users' tokens.
    ///   - callees: The names of the services that run here: a service's token is for one of them. Empty where no service
    ///     calls, as at a gateway.
    ///   - leeway: Tolerated difference of the clocks; at most a minute.
    ///   - time: The wall clock for expiry.
    public init(
        issuers: [TokenIssuer],
        people: IssuerAlias,
        audience: String,
        callees: [String],
        leeway: Duration,
        time: any TimeSource
    ) {
        precondition(leeway >= .zero && leeway <= Self.leewayLimit)
        precondition(Set(issuers.map(\.alias)).count == issuers.count, "two issuers have one alias")
        precondition(issuers.filter { $0.kinds.contains(.service) }.count <= 1, "two issuers speak for services")
        let rules = issuers.map { issuer in
            TokenRules(
                issuer: ExactText(issuer.name),
                alias: issuer.alias,
                people: people,
                kinds: issuer.kinds,
                scopes: issuer.scopes,
                audience: ExactText(audience),
                callees: Set(callees.map { ExactText($0) }),
                leeway: leeway
            )
        }
        sources = issuers.map(\.keys)
        trusted = Mutex(TrustedKeys(rules, limit: Self.cachedTokensLimit))
        self.time = time
    }

    /// Keeps the keys current until its task is cancelled; without it a change of them may not be noticed.
    package func watch() async throws {
        let sources = sources
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources { group.addTask { try await source.watch() } }
            try await group.waitForAll()
        }
    }

    /// Why keys cannot be read, so that the last valid ones stay in use; empty when all can.
    package var faults: [String] { sources.compactMap(\.fault) }

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

    /// The principal of a token that was verified before, has not expired, and whose key is still valid; `nil` for any other.
    ///
    /// Takes microseconds; a signature is not checked.
    public func verifiedBefore(_ token: String) -> Principal? {
        guard token.utf8.count <= Self.tokenBytesLimit else { return nil }
        return known(ExactText(token), at: time.date)
    }

    private func known(_ token: ExactText, at now: Timestamp) -> Principal? {
        if let recent = withCurrentKeys({ $0.principal(ofRecent: token, at: now) }) { return recent }
        let hash = Self.hash(token.text)
        return withCurrentKeys { $0.principal(hash, of: token, at: now) }
    }

    /// Of the bytes where they lie.
    private static func hash(_ token: String) -> [UInt8] {
        var token = token
        return token.withUTF8 { Array(SHA256.hash(data: $0)) }
    }

    private func withCurrentKeys<R: Sendable>(_ body: (inout TrustedKeys) -> R) -> R {
        let snapshots = sources.map(\.current)
        return trusted.withLock { trusted in
            trusted.update(snapshots)
            return body(&trusted)
        }
    }

    func check(_ token: String) throws(TokenRefusal) -> Principal {
        guard token.utf8.count <= Self.tokenBytesLimit else { throw .tooLong }
        let now = time.date
        if let known = known(ExactText(token), at: now) { return known }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        let header = try TokenHeader(parts[0])
        let (known, generation) = trusted.withLock { ($0.find(header.kid), $0.generation) }
        guard !known.isEmpty else { throw .key }
        let ofAlgorithm = known.filter { header.alg == ExactText($0.key.algorithm.rawValue) }
        guard !ofAlgorithm.isEmpty else { throw .algorithm }
        guard let signature = TokenHeader.base64URL(parts[2]), let payload = TokenHeader.base64URL(parts[1]) else {
            throw .malformed
        }
        let signed = Array(token.utf8).prefix(parts[0].utf8.count + 1 + parts[1].utf8.count)
        guard let entry = ofAlgorithm.first(where: { $0.key.verification.isValid(signature, of: signed) }) else {
            throw .signature
        }
        guard TokenHeader.isObject(payload),
            let claims = try? JSONDecoder().decode(TokenClaims.self, from: payload)
        else { throw .malformed }
        let principal = try entry.rules.principal(claims, at: now)
        let until = Timestamp(seconds: claims.exp) + entry.rules.leeway
        let verified = VerifiedTokens.Entry(principal: principal, key: entry.identity, until: until)
        let hash = Self.hash(token)
        trusted.withLock { $0.remember(hash, verified, generation: generation) }
        return principal
    }
}
