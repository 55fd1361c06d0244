import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import MartletSecurity

@Suite("Keys of an issuer in a file")
struct KeySourceTests {
    private let folder = try? TemporaryFolder()
    private let time = ManualTime()
    private let first = SigningKey(.edDSA)
    private let second = SigningKey(.es256)

    private func path() throws -> String { try #require(folder).file("jwks.json") }

    private func write(_ keys: [KeySet.Entry]) throws {
        let data = try JSONEncoder().encode(KeySet.File(keys: keys))
        try SecretFile.write(String(decoding: data, as: UTF8.self), to: path())
    }

    private func entry(_ key: SigningKey, kid: String? = nil) -> KeySet.Entry {
        var entry = LocalIssuer.entry(key.publicKey)
        if let kid { entry.kid = kid }
        return entry
    }

    private func source() throws -> FileKeySource { try FileKeySource(path: path(), time: time) }

    private func verifier(_ sources: [(alias: IssuerAlias, source: any KeySource)]) -> TokenVerifier {
        TokenVerifier(
            issuers: sources.map { alias, source in
                TokenIssuer(
                    name: "https://\(alias)",
                    alias: alias,
                    keys: source,
                    kinds: alias == .people ? [.user, .service] : [.user, .anonymous],
                    scopes: alias == .people ? nil : ["parcels:read"]
                )
            },
            people: .people,
            audience: "martlet",
            callees: ["scales"],
            leeway: .zero,
            time: time
        )
    }

    private func token(
        by key: SigningKey,
        kid: String? = nil,
        issuer: String = "https://people",
        subject: String = "ann",
        kind: String = "user",
        scope: String = "",
        change: (inout TokenClaims) -> Void = { _ in }
    ) throws -> String {
        var claims = TokenClaims(
            iss: issuer,
            sub: subject,
            aud: [kind == "service" ? "scales" : "martlet"],
            exp: time.date.milliseconds / 1_000 + 60,
            iat: nil,
            nbf: nil,
            scope: scope,
            kind: kind
        )
        change(&claims)
        return try LocalIssuer.token(claims, kid: kid ?? entry(key).kid ?? "", key: key)
    }

    private func refusal(_ token: String, _ verifier: TokenVerifier) -> TokenRefusal? {
        do throws(TokenRefusal) {
            _ = try verifier.check(token)
            return nil
        } catch { return error }
    }

    @Test("a key that is missing in a readable set is withdrawn, with the tokens that were verified by it; others stay")
    func withdrawn() throws {
        try write([entry(first), entry(second)])
        let source = try source()
        let verifier = verifier([(.people, source)])
        let (old, new) = (try token(by: first), try token(by: second))
        for token in [old, new] { #expect(try verifier.verify(token).id == "ann") }
        try write([entry(second)])
        source.refresh()
        #expect(verifier.verifiedBefore(old) == nil)
        #expect(refusal(old, verifier) == .key)
        #expect(verifier.verifiedBefore(new)?.id == "ann")
        // It is valid again, too, without a restart.
        try write([entry(first), entry(second)])
        source.refresh()
        #expect(refusal(old, verifier) == nil)
    }

    @Test("the file is read again within a second", .timeLimit(.minutes(HangLimit.testMinutes)))
    func watched() async throws {
        try write([entry(first)])
        let source = try source()
        async let _: Void = source.watch()
        await time.waitForSleepers()
        try write([entry(second)])
        time.advance(by: FileKeySource.interval)
        await time.waitForSleepers()
        #expect(FileKeySource.interval < .seconds(1))
        #expect(source.current.keys.map(\.id) == [entry(second).kid])
    }

    @Test(
        "an unreadable set leaves the last one in use, with a fault until it can be read",
        arguments: ["", "{", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","kid":"a","alg":"HS256"}]}"#, nil] as [String?]
    )
    func unreadable(text: String?) throws {
        try write([entry(first)])
        let source = try source()
        let verifier = verifier([(.people, source)])
        let token = try token(by: first)
        #expect(refusal(token, verifier) == nil)
        let version = source.current.version
        if let text {
            try SecretFile.write(text, to: path())
        } else {
            try FileManager.default.removeItem(atPath: path())
        }
        source.refresh()
        #expect(source.current.version == version)
        #expect(verifier.verifiedBefore(token) != nil && refusal(token, verifier) == nil)
        #expect(verifier.faults.count == 1)
        try write([entry(second)])
        source.refresh()
        #expect(verifier.faults.isEmpty)
        #expect(refusal(token, verifier) == .key)
    }

    @Test(
        "the algorithm is the key's: another one in the header is refused, and another key of the same id is another key"
    )
    func algorithms() throws {
        try write([entry(first, kid: "k")])
        let source = try source()
        let verifier = verifier([(.people, source)])
        let good = try token(by: first, kid: "k")
        #expect(refusal(try token(by: second, kid: "k"), verifier) == .algorithm)
        #expect(refusal(try token(by: SigningKey(.edDSA), kid: "k"), verifier) == .signature)
        #expect(refusal(try token(by: first, kid: "other"), verifier) == .key)
        #expect(refusal(good, verifier) == nil)
        try write([entry(SigningKey(.edDSA), kid: "k")])
        source.refresh()
        #expect(verifier.verifiedBefore(good) == nil)
        #expect(refusal(good, verifier) == .signature)
    }

    @Test("a set of before, as another thread has read it, does not bring a key back")
    func order() {
        let rules = TokenRules.test(leeway: .zero)
        var trusted = TrustedKeys([rules], limit: 10)
        let key = TokenKey(id: "k", verification: first.publicKey)
        trusted.update([KeySnapshot(keys: [key], version: 1)])
        let generation = trusted.generation
        trusted.update([KeySnapshot(keys: [], version: 2)])
        trusted.update([KeySnapshot(keys: [key], version: 1)])
        #expect(trusted.find("k").isEmpty)
        // Nor does a token that was being verified meanwhile.
        let identity = VerifiedKey(issuer: .people, key: key.identity)
        let entry = VerifiedTokens.Entry(principal: .anonymous, key: identity, until: Timestamp(seconds: 10))
        trusted.remember([1], entry, generation: generation)
        let found = trusted.principal([1], of: "token", at: Timestamp(seconds: 1))
        #expect(found == nil)
    }

    @Test(
        "two issuers: each for its own kinds and scopes, with its own keys, and no user of one is a user of the other"
    )
    func issuers() throws {
        let partner = try #require(IssuerAlias("partner"))
        let sources = [SigningKey(.edDSA), SigningKey(.edDSA)].map { key in
            (key, FixedKeys([TokenKey(id: "k", verification: key.publicKey)]))
        }
        let verifier = verifier([(.people, sources[0].1), (partner, sources[1].1)])
        func own(_ subject: String, kind: String = "user", scope: String = "") throws -> String {
            try token(by: sources[0].0, kid: "k", subject: subject, kind: kind, scope: scope)
        }
        func other(_ subject: String, kind: String = "user", scope: String = "") throws -> String {
            let issuer = "https://partner"
            return try token(by: sources[1].0, kid: "k", issuer: issuer, subject: subject, kind: kind, scope: scope)
        }
        #expect(try verifier.verify(own("ann")).id == "ann")
        #expect(try verifier.verify(other("ann")).id == "partner||ann")
        #expect(try verifier.verify(other("ann")).authentication?.issuer == partner)
        // No issuer gives the id of another's user.
        #expect(refusal(try own("partner||ann"), verifier) == .subject)
        #expect(refusal(try other("people||ann"), verifier) == .subject)
        #expect(refusal(try token(by: sources[1].0, kid: "k", subject: "ann"), verifier) == .issuer)
        #expect(refusal(try other("parcels", kind: "service"), verifier) == .kind)
        #expect(refusal(try own("parcels", kind: "service"), verifier) == nil)
        #expect(refusal(try other("ann", scope: "parcels:read"), verifier) == nil)
        #expect(refusal(try other("ann", scope: "parcels:write"), verifier) == .scopes)
        #expect(refusal(try own("ann", scope: "service"), verifier) == .scopes)
        // A guest has no more than a caller without a token.
        #expect(refusal(try own("g1", kind: "guest"), verifier) == .kind)
        #expect(try verifier.verify(other("g1", kind: "guest")).kind == .anonymous)
        #expect(refusal(try other("g1", kind: "guest", scope: "parcels:read"), verifier) == .scopes)
    }

    @Test("a principal has the client, the session and the time of authentication of its token")
    func claims() throws {
        let verifier = verifier([(.people, FixedKeys([TokenKey(id: "k", verification: first.publicKey)]))])
        let now = time.date.milliseconds / 1_000
        let full = try token(by: first, kid: "k") { claims in
            claims.client = "app"
            claims.session = "s-1"
            claims.authenticatedAt = now - 5
        }
        let expected = Authentication(
            issuer: .people,
            client: "app",
            session: "s-1",
            time: Timestamp(seconds: now - 5)
        )
        for _ in 1...2 { #expect(try verifier.verify(full).authentication == expected) }
        let faults: [(inout TokenClaims) -> Void] = [
            { $0.client = "" }, { $0.session = "\n" }, { $0.authenticatedAt = -1 }, { $0.authenticatedAt = .max },
            { $0.authenticatedAt = now + 10 },
        ]
        for fault in faults {
            #expect(refusal(try token(by: first, kid: "k", change: fault), verifier) == .session)
        }
    }
}
