import Crypto
import Foundation
public import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Issues tokens for local use; its private key is stored in the data folder, readable by its owner only.
///
/// Files in its folder: `issuer.pem`, `jwks.json` (the public key), `<service>.token`; all with mode 0600.
public struct LocalIssuer: Sendable {
    public static let name = "martlet-local"
    /// The audience of all tokens of a deployment.
    public static let audience = "martlet"

    private let key: SigningKey
    private let kid: String
    private let time: any TimeSource
    private let folder: String

    public static func keySetPath(in folder: String) -> String { "\(folder)/jwks.json" }
    public static func tokenPath(for service: String, in folder: String) -> String { "\(folder)/\(service).token" }

    /// How much the clocks of the processes of one deployment may differ.
    private static let leeway = Duration.seconds(30)

    /// Verifies the tokens of the issuer whose files are in `folder`.
    ///
    /// - Throws: `KeySet.Invalid` when the public key is missing or cannot be read.
    public static func verifier(in folder: String, time: any TimeSource) async throws -> TokenVerifier {
        TokenVerifier(
            keys: try await KeySet.read(keySetPath(in: folder)),
            issuer: name,
            audience: audience,
            leeway: leeway,
            time: time
        )
    }

    /// The issuer whose files are in `folder`; creates them on first use.
    ///
    /// - Throws: When a file cannot be read or written, or when others may read the private key.
    public init(
        folder: String,
        algorithm: TokenKey.Algorithm,
        time: any TimeSource
    ) async throws {
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let path = "\(folder)/issuer.pem"
        let stored = try SecretFile.read(path)
        let key = try stored.map { try SigningKey(pem: $0) } ?? SigningKey(algorithm)
        if stored == nil { try SecretFile.write(key.pem, to: path) }
        let entry = Self.entry(key.publicKey)
        self.key = key
        kid = entry.kid ?? ""
        self.time = time
        self.folder = folder
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let set = try encoder.encode(KeySet.File(keys: [entry]))
        let existing = FileManager.default.contents(atPath: Self.keySetPath(in: folder))
        if existing != set {
            try SecretFile.write(String(decoding: set, as: UTF8.self), to: Self.keySetPath(in: folder))
        }
    }

    /// A token for a person or an external system.
    ///
    /// - Parameters:
    ///   - subject: The id of the person or the system.
    ///   - scopes: What the token permits.
    ///   - lifetime: From now, by the wall clock.
    /// - Throws: ``InvalidClaim`` for a subject or a scope that no verifier accepts, such as the scope `service`.
    public func userToken(_ subject: String, scopes: [String], lifetime: Duration) async throws -> String {
        guard Principal.isUserID(subject) else { throw InvalidClaim(name: "sub", value: subject) }
        if let scope = scopes.first(where: { !ScopeName.isValid($0) }) {
            throw InvalidClaim(name: "scope", value: scope)
        }
        return try await mint(subject, kind: "user", scopes: scopes, lifetime: lifetime)
    }

    /// A token that authenticates `service` to other services.
    public func serviceToken(_ service: String, lifetime: Duration) async throws -> String {
        try await mint(service, kind: "service", scopes: [], lifetime: lifetime)
    }

    /// A claim that no token may have.
    public struct InvalidClaim: Error, Equatable, CustomStringConvertible {
        /// As in `scope`.
        public let name: String
        public let value: String

        public var description: String { "a token cannot have the \(name) '\(value)'" }
    }

    /// Writes a new token for `service`, for ``TokenFile``.
    package func writeServiceToken(_ service: String, lifetime: Duration) async throws {
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
        return try Self.token(claims, kid: kid, key: key)
    }

    /// A signed token in the compact form (RFC 7515 section 7.1).
    static func token(_ claims: TokenClaims, kid: String, key: SigningKey) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let header = ["alg": key.publicKey.algorithm.rawValue, "kid": kid, "typ": TokenHeader.type]
        let signed = "\(unpadded(try encoder.encode(header))).\(unpadded(try encoder.encode(claims)))"
        return "\(signed).\(unpadded(try key.signature(of: Data(signed.utf8))))"
    }

    private static func entry(_ key: VerificationKey) -> KeySet.Entry {
        var entry = KeySet.Entry(kty: "", alg: key.algorithm.rawValue, use: "sig")
        switch key {
        case .edDSA(let key):
            entry.kty = "OKP"
            entry.crv = "Ed25519"
            entry.x = unpadded(key.rawRepresentation)
        case .es256(let key):
            // The two coordinates in sequence.
            let point = key.rawRepresentation
            entry.kty = "EC"
            entry.crv = "P-256"
            entry.x = unpadded(point.prefix(32))
            entry.y = unpadded(point.suffix(32))
        }
        entry.kid = identifier((entry.x ?? "") + (entry.y ?? ""))
        return entry
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
