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
/// Files in its folder: `issuer.pem`, `jwks.json` (the public key). Each process gets a folder of its own, without the private
/// key: `jwks.json`, and `<service>/<callee>.token` for each service that its services call. All have mode 0600.
public struct LocalIssuer: Sendable {
    public static let name = "martlet-local"
    /// The audience of all users' tokens of a deployment: its API.
    public static let audience = "martlet"

    private let key: SigningKey
    private let kid: String
    private let time: any TimeSource
    /// The file with the public key, as text.
    private let keySet: String

    public static func keySetPath(in folder: String) -> String { "\(folder)/jwks.json" }
    /// The token with which `service` calls `callee`, in the folder of its process.
    public static func tokenPath(of service: String, to callee: String, in folder: String) -> String {
        "\(folder)/\(service)/\(callee).token"
    }

    /// How much the clocks of the processes of one deployment may differ.
    private static let leeway = Duration.seconds(30)

    /// Verifies the tokens of the issuer whose public key is in `folder`.
    ///
    /// - Parameters:
    ///   - folder: The issuer's, or that of a process.
    ///   - callees: The names of the services that run here; empty where no service calls.
    ///   - time: The wall clock for expiry.
    /// - Throws: `KeySet.Invalid` when the public key is missing or cannot be read.
    public static func verifier(
        in folder: String,
        callees: [String],
        time: any TimeSource
    ) async throws -> TokenVerifier {
        TokenVerifier(
            issuers: [entry(try await KeySet.read(keySetPath(in: folder)))],
            audience: audience,
            callees: callees,
            leeway: leeway,
            time: time
        )
    }

    /// The supervisor's issuer: of users for local use, and of services.
    public static func entry(_ keys: [TokenKey]) -> TokenIssuer {
        TokenIssuer(name: name, keys: keys, kinds: [.user, .service], scopes: nil)
    }

    /// The issuer whose files are in `folder`; creates them on first use.
    ///
    /// - Throws: When a file cannot be read or written, or when others may read the private key.
    public init(
        folder: String,
        algorithm: TokenKey.Algorithm,
        time: any TimeSource
    ) async throws {
        try Self.makeFolder(folder)
        let path = "\(folder)/issuer.pem"
        let stored = try SecretFile.read(path)
        let key = try stored.map { try SigningKey(pem: $0) } ?? SigningKey(algorithm)
        if stored == nil { try SecretFile.write(key.pem, to: path) }
        let entry = Self.entry(key.publicKey)
        self.key = key
        kid = entry.kid ?? ""
        self.time = time
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let set = try encoder.encode(KeySet.File(keys: [entry]))
        let existing = FileManager.default.contents(atPath: Self.keySetPath(in: folder))
        keySet = String(decoding: set, as: UTF8.self)
        if existing != set { try SecretFile.write(keySet, to: Self.keySetPath(in: folder)) }
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
        return try await mint(subject, kind: "user", for: Self.audience, scopes: scopes, lifetime: lifetime)
    }

    /// A token that authenticates `service` to `callee`, and to no other service.
    public func serviceToken(_ service: String, to callee: String, lifetime: Duration) async throws -> String {
        try await mint(service, kind: "service", for: callee, scopes: [], lifetime: lifetime)
    }

    /// A claim that no token may have.
    public struct InvalidClaim: Error, Equatable, CustomStringConvertible {
        /// As in `scope`.
        public let name: String
        public let value: String

        public var description: String { "a token cannot have the \(name) '\(value)'" }
    }

    /// Writes a new token of `service` for its calls to `callee`, for ``TokenFile``.
    ///
    /// - Parameter folder: That of the service's process.
    /// - Returns: The path of the file.
    package func writeServiceToken(
        _ service: String,
        to callee: String,
        in folder: String,
        lifetime: Duration
    ) async throws -> String {
        let path = Self.tokenPath(of: service, to: callee, in: folder)
        try Self.makeFolder("\(folder)/\(service)")
        try SecretFile.write(try await serviceToken(service, to: callee, lifetime: lifetime), to: path)
        return path
    }

    /// Writes the public key into the folder of a process.
    package func writeKeySet(in folder: String) throws {
        try Self.makeFolder(folder)
        let path = Self.keySetPath(in: folder)
        if FileManager.default.contents(atPath: path) != Data(keySet.utf8) { try SecretFile.write(keySet, to: path) }
    }

    private static func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    private func mint(
        _ subject: String,
        kind: String,
        for audience: String,
        scopes: [String],
        lifetime: Duration
    ) async throws -> String {
        let now = time.date
        let claims = TokenClaims(
            iss: Self.name,
            sub: subject,
            aud: [audience],
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
