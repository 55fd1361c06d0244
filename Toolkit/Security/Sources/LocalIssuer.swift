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
/// Files in its folder: `issuer.pem`, `jwks.json` (the public keys, two while `KeyRotator` replaces the key), and for each
/// key `<id>.end`, when the last token ends that was handed out. Each process gets a folder of its own, without the private
/// key: `jwks.json`, and `<service>/<callee>.token` for each service that its services call. All have mode 0600.
public struct LocalIssuer: Sendable {
    public static let name = "martlet-local"
    /// The audience of all users' tokens of a deployment: its API.
    public static let audience = "martlet"

    private let key: SigningKey
    private let kid: String
    private let folder: String
    private let time: any TimeSource
    /// The file with the public keys, as text.
    private let keySet: String

    static func signingKeyPath(in folder: String) -> String { "\(folder)/issuer.pem" }
    public static func keySetPath(in folder: String) -> String { "\(folder)/jwks.json" }
    /// The token with which `service` calls `callee`, in the folder of its process.
    public static func tokenPath(of service: String, to callee: String, in folder: String) -> String {
        "\(folder)/\(service)/\(callee).token"
    }

    /// How much the clocks of the processes of one deployment may differ.
    private static let leeway = Duration.seconds(30)

    /// Verifies the tokens of the issuer whose public keys are in `folder`, as they are there from time to time.
    ///
    /// - Parameters:
    ///   - folder: The issuer's, or that of a process.
    ///   - callees: The names of the services that run here; empty where no service calls.
    ///   - time: The wall clock for expiry, and the clock for reading the keys again.
    /// - Throws: `KeySet.Invalid` when the public keys are missing or cannot be read.
    public static func verifier(
        in folder: String,
        callees: [String],
        time: any TimeSource
    ) async throws -> TokenVerifier {
        TokenVerifier(
            issuers: [entry(try FileKeySource(path: keySetPath(in: folder), time: time))],
            people: .people,
            audience: audience,
            callees: callees,
            leeway: leeway,
            time: time
        )
    }

    /// The supervisor's issuer: of the deployment's people, as long as it has no other, and of its services.
    public static func entry(_ keys: any KeySource) -> TokenIssuer {
        TokenIssuer(name: name, alias: .people, keys: keys, kinds: [.user, .service], scopes: nil)
    }

    /// The issuer whose files are in `folder`; creates them on first use, and publishes its keys there.
    ///
    /// - Throws: When a file cannot be read or written, or when others may read the private key.
    public init(
        folder: String,
        algorithm: TokenKey.Algorithm,
        time: any TimeSource
    ) async throws {
        try Self.makeFolder(folder)
        let path = Self.signingKeyPath(in: folder)
        let stored = try SecretFile.read(path)
        let key = try stored.map { try SigningKey(pem: $0) } ?? SigningKey(algorithm)
        let issued = IssuedTokens(of: Self.entry(key.publicKey).kid ?? "", in: folder)
        if stored == nil {
            try issued.begin()
            try SecretFile.write(key.pem, to: path)
        } else {
            try issued.adopt(unrecorded: time.date + KeyRotation.unrecordedFor)
        }
        try self.init(key, folder: folder, time: time)
        try writeKeySet(in: folder)
    }

    /// The issuer whose files are in `folder`, which stay as they are: for processes beside the owner of the folder.
    ///
    /// - Throws: When there is no key, when it cannot be read, or when others may read it.
    package init(existingIn folder: String, time: any TimeSource) throws {
        let path = Self.signingKeyPath(in: folder)
        guard let pem = try SecretFile.read(path) else {
            throw SecretFile.Unreadable(path: path, message: "there is no such file")
        }
        try self.init(try SigningKey(pem: pem), folder: folder, time: time)
    }

    private init(_ key: SigningKey, folder: String, time: any TimeSource) throws {
        let entry = Self.entry(key.publicKey)
        self.key = key
        self.folder = folder
        kid = entry.kid ?? ""
        self.time = time
        // The key that signs comes first.
        var keys = [entry]
        if let rotation = try KeyRotation.read(in: folder), rotation.publishesOld {
            keys += [rotation.old, rotation.new].filter { $0 != entry }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        keySet = String(decoding: try encoder.encode(KeySet.File(keys: keys)), as: UTF8.self)
    }

    /// The id of the key that signs.
    package var signingKey: String { kid }

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
        try recordEnd(of: lifetime)
        return try await mint(subject, kind: "user", for: Self.audience, scopes: scopes, lifetime: lifetime)
    }

    /// A token that authenticates `service` to `callee`, and to no other service.
    public func serviceToken(_ service: String, to callee: String, lifetime: Duration) async throws -> String {
        guard Principal.isUserID(service) else { throw InvalidClaim(name: "sub", value: service) }
        try recordEnd(of: lifetime)
        return try await mint(service, kind: "service", for: callee, scopes: [], lifetime: lifetime)
    }

    /// Stores that a token is handed out, whose key must not be withdrawn before it ends.
    private func recordEnd(of lifetime: Duration) throws {
        let now = time.date
        try IssuedTokens(of: kid, in: folder)
            .record(now + lifetime, unrecorded: now + KeyRotation.unrecordedFor)
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
    /// It is replaced when the key is, and so does not keep the key from being withdrawn.
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
        let token = try await mint(service, kind: "service", for: callee, scopes: [], lifetime: lifetime)
        try SecretFile.write(token, to: path)
        return path
    }

    /// Writes the public keys into the folder of a process.
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

    static func entry(_ key: VerificationKey) -> KeySet.Entry {
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
