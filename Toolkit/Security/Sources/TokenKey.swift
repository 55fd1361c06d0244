import Crypto
import Foundation
import MartletCore

/// A public key that verifies tokens, with its only algorithm.
public struct TokenKey: Sendable {
    /// Fixed per key, not chosen by a token's header.
    public enum Algorithm: String, Sendable, Codable, CaseIterable {
        case es256 = "ES256"
        case edDSA = "EdDSA"
    }

    /// What makes it another key: also a new key with an old id is one.
    struct Identity: Sendable, Hashable {
        let id: ExactText
        let algorithm: Algorithm
        let bytes: [UInt8]
    }

    public let id: String
    public var algorithm: Algorithm { verification.algorithm }
    let verification: VerificationKey
    let identity: Identity

    init(id: String, verification: VerificationKey) {
        self.id = id
        self.verification = verification
        identity = Identity(id: ExactText(id), algorithm: verification.algorithm, bytes: verification.bytes)
    }
}

/// A file with the issuer's public keys (RFC 7517).
public enum KeySet {
    static let keysLimit = 64
    static let bytesLimit = 1 << 18

    /// A fault in a key file.
    public struct Invalid: Error, Equatable, CustomStringConvertible {
        public let path: String
        /// As in `keys[0].alg`; empty for the file as a whole.
        public let key: String
        public let message: String

        public var description: String { "\(path): \(key.isEmpty ? "" : "\(key) ")\(message)" }
    }

    struct File: Codable {
        var keys: [Entry]
    }

    struct Entry: Codable, Sendable, Equatable {
        var kid: String?
        var kty: String
        var alg: String?
        var crv: String?
        var use: String?
        var x: String?
        var y: String?
    }

    /// Reads the public keys at `path`.
    ///
    /// - Throws: ``Invalid`` for an unreadable file, an unknown algorithm, a key without an id or a repeated id.
    public static func read(_ path: String) async throws -> [TokenKey] { try load(path) }

    static func load(_ path: String) throws(Invalid) -> [TokenKey] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Invalid(path: path, key: "", message: "cannot be read")
        }
        guard data.count <= bytesLimit else { throw Invalid(path: path, key: "", message: "is too large") }
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: data)
        } catch {
            throw Invalid(path: path, key: "", message: "is not a set of keys")
        }
        guard 1...keysLimit ~= file.keys.count else {
            throw Invalid(path: path, key: "keys", message: "must be 1 to \(keysLimit)")
        }
        var keys: [TokenKey] = []
        for (index, entry) in file.keys.enumerated() {
            let key = try read(entry) { Invalid(path: path, key: "keys[\(index)].\($0)", message: $1) }
            guard !keys.contains(where: { ExactText($0.id) == ExactText(key.id) }) else {
                throw Invalid(path: path, key: "keys[\(index)].kid", message: "is a duplicate")
            }
            keys.append(key)
        }
        return keys
    }

    private static func read(_ entry: Entry, _ invalid: (String, String) -> Invalid) throws(Invalid) -> TokenKey {
        guard let id = entry.kid, !id.isEmpty, id.utf8.count <= 200 else {
            throw invalid("kid", "is missing or too long")
        }
        guard entry.use ?? "sig" == "sig" else { throw invalid("use", "must be sig") }
        guard let algorithm = entry.alg.flatMap(TokenKey.Algorithm.init(rawValue:)) else {
            let names = TokenKey.Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw invalid("alg", "must be one of \(names)")
        }
        let isOfAlgorithm =
            switch algorithm {
            case .es256: entry.kty == "EC" && entry.crv == "P-256"
            case .edDSA: entry.kty == "OKP" && entry.crv == "Ed25519"
            }
        guard isOfAlgorithm else { throw invalid("kty", "does not match \(algorithm.rawValue)") }
        do {
            return TokenKey(id: id, verification: try verification(algorithm, entry))
        } catch {
            throw invalid("x", "is not a point of the curve")
        }
    }

    private static func verification(_ algorithm: TokenKey.Algorithm, _ entry: Entry) throws -> VerificationKey {
        let x = coordinate(entry.x)
        switch algorithm {
        case .edDSA: return .edDSA(try Curve25519.Signing.PublicKey(rawRepresentation: x))
        // ANSI X9.63: an uncompressed point.
        case .es256: return .es256(try P256.Signing.PublicKey(x963Representation: [0x04] + x + coordinate(entry.y)))
        }
    }

    /// Empty when it is missing or not base64url, which is not a point of a curve.
    private static func coordinate(_ text: String?) -> Data {
        text.flatMap { TokenHeader.base64URL($0[...]) } ?? Data()
    }
}
