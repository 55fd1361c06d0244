import Foundation
import JWTKit

/// A public key that verifies tokens, with its only algorithm.
public struct TokenKey: Sendable {
    /// Fixed per key, not chosen by a token's header.
    public enum Algorithm: String, Sendable, Codable, CaseIterable {
        case es256 = "ES256"
        case edDSA = "EdDSA"
    }

    public let id: String
    public let algorithm: Algorithm
    let check: any JWTAlgorithm

    init(id: String, algorithm: Algorithm, check: any JWTAlgorithm) {
        self.id = id
        self.algorithm = algorithm
        self.check = check
    }
}

/// A file with the issuer's public keys (RFC 7517).
public enum KeySet {
    public static let keysLimit = 64
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

    struct Entry: Codable {
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
    public static func read(_ path: String) async throws -> [TokenKey] {
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
            let key = try await read(entry) { Invalid(path: path, key: "keys[\(index)].\($0)", message: $1) }
            guard !keys.contains(where: { $0.id == key.id }) else {
                throw Invalid(path: path, key: "keys[\(index)].kid", message: "is a duplicate")
            }
            keys.append(key)
        }
        return keys
    }

    private static func read(_ entry: Entry, _ invalid: (String, String) -> Invalid) async throws -> TokenKey {
        guard let id = entry.kid, !id.isEmpty, id.utf8.count <= 200 else {
            throw invalid("kid", "is missing or too long")
        }
        guard entry.use ?? "sig" == "sig" else { throw invalid("use", "must be sig") }
        guard let algorithm = entry.alg.flatMap(TokenKey.Algorithm.init(rawValue:)) else {
            let names = TokenKey.Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw invalid("alg", "must be one of \(names)")
        }
        let keys = JWTKeyCollection()
        let kid = JWKIdentifier(string: id)
        do {
            switch (algorithm, entry.kty, entry.crv) {
            case (.es256, "EC", "P-256"):
                await keys.add(ecdsa: try ES256PublicKey(parameters: (x: entry.x ?? "", y: entry.y ?? "")), kid: kid)
            case (.edDSA, "OKP", "Ed25519"):
                await keys.add(eddsa: try EdDSA.PublicKey(x: entry.x ?? "", curve: .ed25519), kid: kid)
            default: throw invalid("kty", "does not match \(algorithm.rawValue)")
            }
        } catch let error as Invalid {
            throw error
        } catch {
            throw invalid("x", "is not a point of the curve")
        }
        return TokenKey(id: id, algorithm: algorithm, check: try await keys.getKey(for: kid))
    }
}
