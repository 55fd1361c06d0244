import Crypto
import Foundation
import Testing

@testable import MartletSecurity

@Suite("Signing key")
struct SigningKeyTests {
    /// The example of RFC 8410 section 10.3, and its public key.
    static let ed25519 = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
        -----END PRIVATE KEY-----
        """
    static let ed25519Public = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="

    @Test("reads PKCS 8 in PEM, and writes it the same", arguments: ["", "\n", "\r\n"])
    func pkcs8(end: String) throws {
        let key = try SigningKey(pem: Self.ed25519 + end)
        #expect(key.pem == Self.ed25519)
        guard case .edDSA(let verification) = key.publicKey else {
            Issue.record("not an Ed25519 key")
            return
        }
        #expect(verification.rawRepresentation.base64EncodedString() == Self.ed25519Public)
    }

    @Test(
        "what one key signs, its public key verifies, also after it was stored",
        arguments: TokenKey.Algorithm.allCases
    )
    func signs(algorithm: TokenKey.Algorithm) throws {
        let key = SigningKey(algorithm)
        let stored = try SigningKey(pem: key.pem)
        let signed = Array("data".utf8)[...]
        let signature = try stored.signature(of: Data(signed))
        #expect(signature.count == 64)
        #expect(key.publicKey.algorithm == algorithm)
        #expect(key.publicKey.isValid(signature, of: signed))
        #expect(!key.publicKey.isValid(signature, of: Array("dat".utf8)[...]))
        #expect(!key.publicKey.isValid(signature.dropLast(), of: signed))
        #expect(!SigningKey(algorithm).publicKey.isValid(signature, of: signed))
    }

    @Test(
        "refuses other texts",
        arguments: [
            "", "key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
            ed25519.replacingOccurrences(of: "MC4C", with: "MC4D"),
            ed25519.replacingOccurrences(of: "VhC", with: "VhC="),
            ed25519.replacingOccurrences(of: "PRIVATE", with: "PUBLIC"),
        ]
    )
    func refused(pem: String) {
        #expect(throws: (any Error).self) { try SigningKey(pem: pem) }
    }
}
