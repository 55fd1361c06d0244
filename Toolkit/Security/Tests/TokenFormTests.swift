import Foundation
import MartletCore
import MartletTesting
import Testing

@testable import MartletSecurity

/// Tokens that the issuer has signed, in forms that two readers could read differently.
@Suite("Form of a token")
struct TokenFormTests {
    private let folder = try? TemporaryFolder()
    private let time = ManualTime()

    private func issuer() async throws -> LocalIssuer {
        try await LocalIssuer(folder: try #require(folder).path, algorithm: .edDSA, time: time)
    }

    private func key() async throws -> (SigningKey, kid: String) {
        _ = try await issuer()
        let path = try #require(folder).path
        let pem = try #require(try SecretFile.read("\(path)/issuer.pem"))
        return (try SigningKey(pem: pem), try await KeySet.read(LocalIssuer.keySetPath(in: path))[0].id)
    }

    private static func encoded(_ bytes: Data) -> String {
        bytes.base64EncodedString().filter { $0 != "=" }
            .map { $0 == "+" ? "-" : $0 == "/" ? "_" : String($0) }.joined()
    }

    /// The refusal of a token with this payload, properly signed; `nil` when it is accepted.
    private func refusal(header: String? = nil, payload: String) async throws -> TokenRefusal? {
        let (key, kid) = try await key()
        let header = header ?? "{\"alg\":\"EdDSA\",\"kid\":\"KID\",\"typ\":\"at+jwt\"}"
        let parts = [header.split(separator: "KID").joined(separator: kid), payload].map { Self.encoded(Data($0.utf8)) }
        let signed = parts.joined(separator: ".")
        return try await refusal(of: "\(signed).\(Self.encoded(try key.signature(of: Data(signed.utf8))))")
    }

    private func refusal(of token: String) async throws -> TokenRefusal? {
        let verifier = TokenVerifier(
            issuers: [
                LocalIssuer.entry(
                    FixedKeys(try await KeySet.read(LocalIssuer.keySetPath(in: try #require(folder).path)))
                )
            ],
            people: .people,
            audience: LocalIssuer.audience,
            callees: [],
            leeway: .seconds(30),
            time: time
        )
        do throws(TokenRefusal) {
            _ = try verifier.check(token)
            return nil
        } catch { return error }
    }

    private static let claims =
        #""iss":"martlet-local","aud":["martlet"],"exp":4000000000,"sub":"ann","scope":"operate""#

    @Test("claims in the usual form are accepted")
    func usual() async throws {
        #expect(try await refusal(payload: "{\(Self.claims)}") == nil)
        #expect(try await refusal(payload: " {\(Self.claims), \"other\":{\"a\":[1]}} ") == nil)
    }

    @Test(
        "a claim given twice, and bytes behind the claims, are rejected",
        arguments: [
            #"{CLAIMS,"sub":"bob"}"#, #"{CLAIMS,"\u0073ub":"bob"}"#, #"{CLAIMS,"other":{"a":1,"a":2}}"#, "{CLAIMS}x",
            "{CLAIMS}{}", "{CLAIMS}\u{0}", "\u{FEFF}{CLAIMS}", "[{CLAIMS}]",
        ]
    )
    func payloads(_ payload: String) async throws {
        let payload = payload.split(separator: "CLAIMS").joined(separator: Self.claims)
        #expect(try await refusal(payload: payload) == .malformed)
    }

    @Test(
        "a name given twice in the header, and bytes behind it, are rejected",
        arguments: [
            #"{"alg":"EdDSA","kid":"KID","typ":"at+jwt","alg":"EdDSA"}"#,
            #"{"alg":"EdDSA","kid":"KID","typ":"at+jwt"}x"#,
        ]
    )
    func headers(_ header: String) async throws {
        #expect(try await refusal(header: header, payload: "{\(Self.claims)}") == .malformed)
    }

    @Test("base64url with unused bits that are not zero is rejected: a signature has one text")
    func unusedBits() async throws {
        let token = try await issuer().userToken("ann", scopes: [], lifetime: .seconds(60))
        #expect(try await refusal(of: token) == nil)
        // 64 bytes: the last of 86 characters has four unused bits.
        let last = try #require(token.last)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let index = try #require(alphabet.firstIndex(of: last))
        #expect(index % 16 == 0)
        for bits in 1..<16 {
            #expect(try await refusal(of: String(token.dropLast()) + String(alphabet[index + bits])) == .malformed)
        }
    }

    @Test("names that Unicode equates are different issuers, audiences and keys")
    func lookAlikes() async throws {
        let kim = TokenRules.test(issuer: "Kim", leeway: .zero)
        func claims(_ issuer: String) -> TokenClaims {
            TokenClaims(iss: issuer, sub: "s", aud: ["a"], exp: 2_000, iat: nil, nbf: nil, scope: "", kind: "user")
        }
        #expect(try kim.principal(claims("Kim"), at: Timestamp(seconds: 1)).id == "s")
        #expect(throws: TokenRefusal.issuer) { try kim.principal(claims("\u{212A}im"), at: Timestamp(seconds: 1)) }
    }
}
