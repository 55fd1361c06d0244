import Crypto
import Foundation
import Glibc
import JWTKit
public import MartletCore

/// Issues tokens for local use; its private key is stored in the data folder, readable by its owner only.
///
/// Files in its folder: `issuer.pem` (0600), `jwks.json` (the public key), `<service>.token` (0600).
public struct LocalIssuer: Sendable {
    public static let name = "martlet-local"
    /// The audience of all tokens of a deployment.
    public static let audience = "martlet"

    private let keys: JWTKeyCollection
    private let kid: JWKIdentifier
    private let time: any TimeSource
    private let entropy: any Entropy
    private let folder: String

    public static func keySetPath(in folder: String) -> String { "\(folder)/jwks.json" }
    public static func tokenPath(for service: String, in folder: String) -> String { "\(folder)/\(service).token" }

    /// The issuer whose files are in `folder`; creates them on first use.
    ///
    /// - Throws: When a file cannot be read or written, or when others may read the private key.
    public init(
        folder: String,
        algorithm: TokenKey.Algorithm,
        time: any TimeSource,
        entropy: any Entropy
    ) async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = "\(folder)/issuer.pem"
        let stored = try SecretFile.read(path)
        let pem = try stored ?? Self.makeKey(algorithm)
        if stored == nil { try SecretFile.write(pem, to: path) }
        let keys = JWTKeyCollection()
        let entry: KeySet.Entry
        if let key = try? EdDSA.PrivateKey(pem: pem) {
            entry = Self.entry(key.publicKey)
            kid = JWKIdentifier(string: entry.kid ?? "")
            await keys.add(eddsa: key, kid: kid)
        } else {
            let key = try ES256PrivateKey(pem: pem)
            entry = Self.entry(key.publicKey)
            kid = JWKIdentifier(string: entry.kid ?? "")
            await keys.add(ecdsa: key, kid: kid)
        }
        self.keys = keys
        self.time = time
        self.entropy = entropy
        self.folder = folder
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let set = try encoder.encode(KeySet.File(keys: [entry]))
        let existing = FileManager.default.contents(atPath: Self.keySetPath(in: folder))
        if existing != set { try set.write(to: URL(fileURLWithPath: Self.keySetPath(in: folder)), options: .atomic) }
    }

    /// A token for a person or a merchant's system.
    ///
    /// - Parameter lifetime: From now, by the wall clock.
    public func userToken(_ subject: String, scopes: [String], lifetime: Duration) async throws -> String {
        try await mint(subject, kind: "user", scopes: scopes, lifetime: lifetime)
    }

    /// A token that authenticates `service` to other services.
    public func serviceToken(_ service: String, lifetime: Duration) async throws -> String {
        try await mint(service, kind: "service", scopes: [], lifetime: lifetime)
    }

    /// Writes a new token for `service`, for ``TokenFile``.
    public func writeServiceToken(_ service: String, lifetime: Duration) async throws {
        let token = try await serviceToken(service, lifetime: lifetime)
        try SecretFile.write(token, to: Self.tokenPath(for: service, in: folder))
    }

    private func mint(_ subject: String, kind: String, scopes: [String], lifetime: Duration) async throws -> String {
        let now = time.date
        let claims = TokenClaims(
            iss: Self.name,
            sub: subject,
            aud: [Self.audience],
            exp: (now + lifetime).milliseconds / 1_000,
            iat: now.milliseconds / 1_000,
            nbf: nil,
            scope: scopes.sorted().joined(separator: " "),
            kind: kind
        )
        return try await keys.sign(claims, kid: kid, header: ["typ": .string(TokenHeader.type)])
    }

    private static func makeKey(_ algorithm: TokenKey.Algorithm) throws -> String {
        switch algorithm {
        case .edDSA: try EdDSA.PrivateKey(curve: .ed25519).pemRepresentation
        case .es256: ES256PrivateKey().pemRepresentation
        }
    }

    private static func entry(_ key: EdDSA.PublicKey) -> KeySet.Entry {
        let x = unpadded(key.rawRepresentation)
        return KeySet.Entry(
            kid: identifier(x),
            kty: "OKP",
            alg: TokenKey.Algorithm.edDSA.rawValue,
            crv: "Ed25519",
            use: "sig",
            x: x,
            y: nil
        )
    }

    private static func entry(_ key: ES256PublicKey) -> KeySet.Entry {
        let x = unpadded(Data(base64Encoded: key.parameters?.x ?? "") ?? Data())
        let y = unpadded(Data(base64Encoded: key.parameters?.y ?? "") ?? Data())
        return KeySet.Entry(
            kid: identifier(x + y),
            kty: "EC",
            alg: TokenKey.Algorithm.es256.rawValue,
            crv: "P-256",
            use: "sig",
            x: x,
            y: y
        )
    }

    /// Half of a hash of the public key: stable and unique.
    private static func identifier(_ key: String) -> String {
        unpadded(Data(SHA256.hash(data: Data(key.utf8)).prefix(16)))
    }

    private static func unpadded(_ data: Data) -> String {
        data.base64EncodedString().filter { $0 != "=" }
            .map { $0 == "+" ? "-" : $0 == "/" ? "_" : String($0) }.joined()
    }
}
