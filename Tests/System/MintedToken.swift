import Crypto
import Foundation
import MartletCore

/// A token that a test signs with the shop's own key, with arbitrary contents.
struct MintedToken: Sendable {
    var issuer = "martlet-local"
    var audience = "martlet"
    var subject = "ann"
    /// `user` or `service`.
    var kind = "user"
    var scope = "orders:read orders:write"
    var type = "at+jwt"
    /// Seconds from now.
    var expiresIn = 600
    /// Seconds from now; `nil` leaves it out.
    var validIn: Int?
    /// The algorithm in the header; the signature is always EdDSA.
    var algorithm = "EdDSA"
    /// Signs with a new key that the shop does not know.
    var isSignedByUnknownKey = false

    /// A customer's token unless it states another caller, signed with the key in the shop's folder.
    func signed(_ folder: String) throws -> String {
        let now = Int(SystemTime().date.milliseconds / 1_000)
        let unknownKey = Curve25519.Signing.PrivateKey()
        let key = try isSignedByUnknownKey ? unknownKey : Self.key("\(folder)/keys/issuer.pem")
        var claims: [String: Any] = [
            "iss": issuer, "aud": [audience], "sub": subject, "scope": scope, "kind": kind,
            "exp": now + expiresIn,
        ]
        claims["nbf"] = validIn.map { now + $0 }
        let header = ["typ": type, "alg": algorithm, "kid": try Self.keyID("\(folder)/keys/jwks.json")]
        let parts = try [header, claims].map { Self.unpadded(try JSONSerialization.data(withJSONObject: $0)) }
        let signed = parts.joined(separator: ".")
        return "\(signed).\(Self.unpadded(try key.signature(for: Data(signed.utf8))))"
    }

    /// The PKCS 8 form of an Ed25519 key ends with its 32 bytes (RFC 8410).
    private static func key(_ path: String) throws -> Curve25519.Signing.PrivateKey {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let text = lines.filter { !$0.hasPrefix("-----") }.joined()
        return try Curve25519.Signing.PrivateKey(rawRepresentation: Data(base64Encoded: text)?.suffix(32) ?? Data())
    }

    private static func keyID(_ path: String) throws -> String {
        struct File: Decodable {
            struct Key: Decodable { let kid: String }
            let keys: [Key]
        }
        let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        guard let key = file.keys.first else { throw RunningShop.Failure(what: "no key in \(path)") }
        return key.kid
    }

    private static func unpadded(_ data: Data) -> String {
        data.base64EncodedString().filter { $0 != "=" }
            .map { $0 == "+" ? "-" : $0 == "/" ? "_" : String($0) }.joined()
    }
}
