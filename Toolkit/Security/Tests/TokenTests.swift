import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import MartletSecurity

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Token verifier")
struct TokenTests {
    let folder = try? TemporaryFolder()
    let time = ManualTime()

    func path() throws -> String { try #require(folder).path }

    func issuer(_ algorithm: TokenKey.Algorithm = .edDSA) async throws -> LocalIssuer {
        try await LocalIssuer(folder: path(), algorithm: algorithm, time: time)
    }

    func verifier(
        audience: String = LocalIssuer.audience,
        issuer: String = LocalIssuer.name,
        callees: [String] = ["scales"],
        kinds: Set<Principal.Kind> = [.user, .service],
        scopes: Set<ExactText>? = nil
    ) async throws -> TokenVerifier {
        TokenVerifier(
            issuers: [
                TokenIssuer(
                    name: issuer,
                    alias: .people,
                    keys: FixedKeys(try await KeySet.read(LocalIssuer.keySetPath(in: path()))),
                    kinds: kinds,
                    scopes: scopes
                )
            ],
            people: .people,
            audience: audience,
            callees: callees,
            leeway: .seconds(30),
            time: time
        )
    }

    func refusal(_ token: String, _ verifier: TokenVerifier) -> TokenRefusal? {
        do throws(TokenRefusal) {
            _ = try verifier.check(token)
            return nil
        } catch { return error }
    }

    @Test("a valid token yields its subject and scopes", arguments: TokenKey.Algorithm.allCases)
    func accepted(algorithm: TokenKey.Algorithm) async throws {
        let token = try await issuer(algorithm).userToken("u1", scopes: ["parcels:write", "a"], lifetime: .seconds(60))
        let verifier = try await verifier()
        for _ in 1...2 {
            let principal = try verifier.verify(token)
            let authentication = Authentication(issuer: .people, client: nil, session: nil, time: nil)
            let expected = Principal(user: "u1", scopes: ["parcels:write", "a"]).authenticated(by: authentication)
            #expect(principal == expected)
        }
        let service = try await issuer(algorithm).serviceToken("parcels", to: "scales", lifetime: .seconds(60))
        #expect(try verifier.verify(service).kind == .service)
    }

    @Test(
        "a service's token is for one service, and not for the API; a user's is for the API, and for no service alone"
    )
    func audiences() async throws {
        let issuer = try await issuer()
        let toScales = try await issuer.serviceToken("parcels", to: "scales", lifetime: .seconds(60))
        #expect(refusal(toScales, try await verifier(callees: ["scales", "labels"])) == nil)
        #expect(refusal(toScales, try await verifier(callees: ["labels"])) == .audience)
        #expect(refusal(toScales, try await verifier(callees: [])) == .audience)
        let toAPI = try await issuer.serviceToken("parcels", to: LocalIssuer.audience, lifetime: .seconds(60))
        #expect(refusal(toAPI, try await verifier()) == .audience)
        let user = try await issuer.userToken("u1", scopes: [], lifetime: .seconds(60))
        #expect(refusal(user, try await verifier(callees: [])) == nil)
        #expect(refusal(user, try await verifier(audience: "scales")) == .audience)
        #expect(claimed(scope: "", kind: "service", audience: ["a", "b"]) == .audience)
    }

    @Test("the keys of an issuer speak only for the kinds and scopes of its entry")
    func issuers() async throws {
        let issuer = try await issuer()
        let service = try await issuer.serviceToken("parcels", to: "scales", lifetime: .seconds(60))
        let user = try await issuer.userToken("u1", scopes: ["parcels:read"], lifetime: .seconds(60))
        #expect(refusal(service, try await verifier(kinds: [.user])) == .kind)
        #expect(refusal(user, try await verifier(kinds: [.user])) == nil)
        #expect(refusal(user, try await verifier(kinds: [.service])) == .kind)
        #expect(refusal(user, try await verifier(scopes: ["parcels:read"])) == nil)
        #expect(refusal(user, try await verifier(scopes: ["parcels:write"])) == .scopes)
    }

    @Test(
        "a scope that means a kind of caller is refused where a token is made and where it is read",
        arguments: ["service", "Service", "ANY_SERVICE", "a|service"]
    )
    func reservedScopes(scope: String) async throws {
        let issuer = try await issuer()
        await #expect(throws: LocalIssuer.InvalidClaim(name: "scope", value: scope)) {
            try await issuer.userToken("u1", scopes: ["parcels:read", scope], lifetime: .seconds(60))
        }
        #expect(claimed(scope: "parcels:read \(scope)", kind: "user") == .scopes)
        #expect(claimed(scope: "parcels:read", kind: "user") == nil)
    }

    @Test("a service's token has no scopes, and a subject is no text with another meaning")
    func powers() async throws {
        #expect(claimed(scope: "parcels:read", kind: "service") == .scopes)
        #expect(claimed(scope: "", kind: "service") == nil)
        #expect(claimed(scope: "", kind: "itself") == .subject)
        #expect(claimed(subject: " itself", scope: "", kind: "user") == .subject)
        let issuer = try await issuer()
        await #expect(throws: LocalIssuer.InvalidClaim(name: "sub", value: " itself")) {
            try await issuer.userToken(" itself", scopes: [], lifetime: .seconds(60))
        }
    }

    private func claimed(
        subject: String = "s",
        scope: String,
        kind: String,
        audience: [String] = ["a"]
    ) -> TokenRefusal? {
        let claims = TokenClaims(
            iss: "i",
            sub: subject,
            aud: audience,
            exp: 2_000,
            iat: nil,
            nbf: nil,
            scope: scope,
            kind: kind
        )
        do throws(TokenRefusal) {
            _ = try TokenRules.test(leeway: .zero).principal(
                claims,
                at: Timestamp(seconds: 1_000)
            )
            return nil
        } catch { return error }
    }

    @Test("an expired token is rejected, even if it is cached")
    func expires() async throws {
        let token = try await issuer().userToken("u1", scopes: [], lifetime: .seconds(60))
        let verifier = try await verifier()
        time.advance(by: .seconds(89))
        #expect(refusal(token, verifier) == nil)
        time.advance(by: .seconds(1))
        #expect(refusal(token, verifier) == .expired)
    }

    @Test("a token is known without a check from its first acceptance until it expires; one that was rejected never is")
    func known() async throws {
        let token = try await issuer().userToken("u1", scopes: ["a"], lifetime: .seconds(60))
        let verifier = try await verifier()
        let forged = String(token.dropLast(4)) + "AAAA"
        #expect(verifier.verifiedBefore(token) == nil)
        let principal = try verifier.verify(token)
        // By its hash, and then by its bytes.
        for _ in 1...2 { #expect(verifier.verifiedBefore(token) == principal) }
        #expect(throws: Fault.self) { try verifier.verify(forged) }
        #expect(verifier.verifiedBefore(forged) == nil)
        #expect(verifier.verifiedBefore(String(repeating: "a", count: TokenVerifier.tokenBytesLimit + 1)) == nil)
        time.advance(by: .seconds(90))
        #expect(verifier.verifiedBefore(token) == nil)
    }

    @Test("a token of another audience or issuer is rejected")
    func parties() async throws {
        let token = try await issuer().userToken("u1", scopes: [], lifetime: .seconds(60))
        #expect(refusal(token, try await verifier(audience: "others")) == .audience)
        #expect(refusal(token, try await verifier(issuer: "others")) == .issuer)
    }

    @Test(
        "a token with another header is rejected",
        arguments: [
            (#"{"alg":"none","kid":"KID","typ":"at+jwt"}"#, TokenRefusal.algorithm),
            (#"{"alg":"ES256","kid":"KID","typ":"at+jwt"}"#, .algorithm),
            (#"{"alg":"EdDSA","kid":"other","typ":"at+jwt"}"#, .key),
            (#"{"alg":"EdDSA","typ":"at+jwt"}"#, .key),
            (#"{"alg":"EdDSA","kid":"KID"}"#, .type),
            (#"{"alg":"EdDSA","kid":"KID","typ":"JWT"}"#, .type),
            (#"{"alg":"EdDSA","kid":"KID","typ":"at+jwt","jku":"http://evil"}"#, .header),
            (#"{"alg":"EdDSA","kid":"KID","typ":"at+jwt","jwk":{}}"#, .header),
            (#"{"alg":"EdDSA","kid":"KID","typ":"at+jwt","x5u":"http://evil"}"#, .header),
            (#"{"alg":"EdDSA","kid":"KID","typ":"at+jwt","crit":["exp"]}"#, .header),
            (#"{"alg":"EdDSA","kid":"KID","typ":"at+jwt" }"#, .signature),
            (#"[]"#, .malformed),
        ]
    )
    func headers(header: String, expected: TokenRefusal) async throws {
        let token = try await issuer().userToken("u1", scopes: [], lifetime: .seconds(60))
        let verifier = try await verifier()
        let kid = try await KeySet.read(LocalIssuer.keySetPath(in: path()))[0].id
        let parts = token.split(separator: ".")
        let forged = Data(header.split(separator: "KID").joined(separator: kid).utf8).base64EncodedString()
            .filter { $0 != "=" }
        #expect(refusal("\(forged).\(parts[1]).\(parts[2])", verifier) == expected)
        #expect(refusal(token, verifier) == nil)
    }

    @Test("a modified, truncated or extended token is rejected")
    func modified() async throws {
        let token = try await issuer().userToken("u1", scopes: ["a"], lifetime: .seconds(60))
        let verifier = try await verifier()
        var accepted = 0
        for index in token.indices {
            var other = token
            other.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
            if other != token, refusal(other, verifier) == nil { accepted += 1 }
        }
        #expect(accepted == 0)
        for malformed in ["", ".", "..", "a.b", "a.b.c.d", token + ".x", String(token.dropLast(4)), "🦆.🦆.🦆"] {
            #expect(refusal(malformed, verifier) != nil)
        }
        #expect(refusal(String(repeating: "a", count: TokenVerifier.tokenBytesLimit + 1), verifier) == .tooLong)
    }

    @Test("a token signed by an unknown key is rejected")
    func unknownKey() async throws {
        let valid = try await issuer().userToken("u1", scopes: [], lifetime: .seconds(60))
        let verifier = try await verifier()
        let kid = try await KeySet.read(LocalIssuer.keySetPath(in: path()))[0].id
        let claims = TokenClaims(
            iss: LocalIssuer.name,
            sub: "u1",
            aud: [LocalIssuer.audience],
            exp: 4_000_000_000,
            iat: nil,
            nbf: nil,
            scope: "operate",
            kind: "user"
        )
        let forged = try LocalIssuer.token(claims, kid: kid, key: SigningKey(.edDSA))
        #expect(refusal(forged, verifier) == .signature)
        #expect(refusal(valid, verifier) == nil)
    }

    @Test("a rejection does not report its reason")
    func reasonIsHidden() async throws {
        _ = try await issuer()
        let verifier = try await verifier()
        let fault = try #require(throws: Fault.self) { try verifier.verify("nonsense") }
        #expect(fault.code == .unauthenticated)
        #expect(fault.message == "the token is not valid")
        #expect(try verifier.principal(nil) == .anonymous)
    }
}

@Suite("Local issuer")
struct LocalIssuerTests {
    let folder = try? TemporaryFolder()
    let time = ManualTime()

    func issuer() async throws -> LocalIssuer {
        try await LocalIssuer(
            folder: try #require(folder).path,
            algorithm: .es256,
            time: time
        )
    }

    @Test("stores its key, and requires that only its owner can read it")
    func storesKey() async throws {
        let token = try await issuer().userToken("u", scopes: [], lifetime: .seconds(60))
        _ = try await issuer()
        let path = try #require(folder).path
        let verifier = try await LocalIssuer.verifier(in: path, callees: [], time: time)
        #expect(try verifier.verify(token).id == "u")
        var status = stat()
        #expect(stat(path + "/issuer.pem", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(stat(LocalIssuer.keySetPath(in: path), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)

        chmod(path + "/issuer.pem", 0o644)
        await #expect(throws: SecretFile.Unreadable.self) { try await issuer() }
    }

    @Test("its verifier tolerates clocks that differ by 30 seconds, and needs the public key")
    func verifier() async throws {
        let path = try #require(folder).path
        await #expect(throws: KeySet.Invalid.self) { try await LocalIssuer.verifier(in: path, callees: [], time: time) }
        let token = try await issuer().userToken("u", scopes: [], lifetime: .seconds(60))
        let verifier = try await LocalIssuer.verifier(in: path, callees: [], time: time)
        time.advance(by: .seconds(85))
        #expect(try verifier.verify(token).id == "u")
        time.advance(by: .seconds(10))
        #expect(throws: Fault.self) { try verifier.verify(token) }
    }

    @Test("a file that cannot be written is named, and leaves no part of itself")
    func unwritten() throws {
        let folder = try TemporaryFolder()
        let blocked = folder.file("blocked")
        try FileManager.default.createDirectory(atPath: blocked, withIntermediateDirectories: false)
        let error = #expect(throws: SecretFile.Unreadable.self) { try SecretFile.write("text", to: blocked) }
        #expect(error?.path == blocked)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["blocked"])
    }

    @Test("writes service tokens, which are reread after a renewal")
    func serviceTokens() async throws {
        let own = try #require(folder).file("parcelsd")
        let path = LocalIssuer.tokenPath(of: "parcels", to: "scales", in: own)
        let file = TokenFile(path: path, every: .seconds(10), time: time)
        #expect(throws: Fault.self) { try file.token() }
        let issuer = try await issuer()
        try issuer.writeKeySet(in: own)
        let written = try await issuer.writeServiceToken("parcels", to: "scales", in: own, lifetime: .seconds(60))
        #expect(written == path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: own).sorted() == ["jwks.json", "parcels"])
        let first = try file.token()
        time.advance(by: .seconds(9))
        _ = try await issuer.writeServiceToken("parcels", to: "scales", in: own, lifetime: .seconds(60))
        #expect(try file.token() == first)
        time.advance(by: .seconds(1))
        #expect(try file.token() != first)
    }
}

@Suite("Token times")
struct TokenTimeTests {
    private func principal(exp: Int64, nbf: Int64? = nil, iat: Int64? = nil) throws -> Principal {
        let claims = TokenClaims(iss: "i", sub: "s", aud: ["a"], exp: exp, iat: iat, nbf: nbf, scope: "", kind: "user")
        return try TokenRules.test(leeway: .seconds(30))
            .principal(claims, at: Timestamp(seconds: 1_000))
    }

    @Test(
        "times out of range are rejected without overflow",
        arguments: [(Int64.min, nil), (.max, nil), (0, nil), (2_000, .min), (2_000, .max), (2_000, 1_031)]
            as [(Int64, Int64?)]
    )
    func outOfRange(exp: Int64, nbf: Int64?) {
        #expect(throws: TokenRefusal.self) { try principal(exp: exp, nbf: nbf) }
    }

    @Test("the leeway is tolerated")
    func leeway() throws {
        #expect(try principal(exp: 971, nbf: 1_030).id == "s")
        #expect(try principal(exp: 2_000, iat: 1_030).id == "s")
    }

    @Test("a token that was issued in the future is rejected", arguments: [1_031, .max, .min, -1] as [Int64])
    func issuedLater(iat: Int64) {
        #expect(throws: TokenRefusal.issuedLater) { try principal(exp: 2_000, iat: iat) }
    }
}

extension TokenRules {
    /// Of the issuer `i` with the audience `a`, for calls to `a`.
    static func test(issuer: ExactText = "i", leeway: Duration) -> TokenRules {
        TokenRules(
            issuer: issuer,
            alias: .people,
            people: .people,
            kinds: [.user, .service],
            scopes: nil,
            audience: "a",
            callees: ["a"],
            leeway: leeway
        )
    }
}
