import Foundation
import JWTKit

/// A public key under which tokens are accepted, with the one algorithm that may use it.
public struct TokenKey: Sendable {
    /// A key belongs to one algorithm; a token's header does not choose.
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

/// A file of public keys (RFC 7517): what a service needs to know of the issuer.
public enum KeySet {
    public static let keysLimit = 64
    static let bytesLimit = 1 << 18

    /// What is wrong with a key file.
    public struct Bad: Error, Equatable, CustomStringConvertible {
        public let path: String
        /// As in `keys[0].alg`; empty when the file as a whole is meant.
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
    /// - Throws: ``Bad`` for a file that cannot be read, an unknown algorithm, a key without an id or a repeated id.
    public static func read(_ path: String) async throws -> [TokenKey] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Bad(path: path, key: "", message: "cannot be read")
        }
        guard data.count <= bytesLimit else { throw Bad(path: path, key: "", message: "is too large") }
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: data)
        } catch {
            throw Bad(path: path, key: "", message: "is not a set of keys")
        }
        guard 1...keysLimit ~= file.keys.count else {
            throw Bad(path: path, key: "keys", message: "must be 1 to \(keysLimit)")
        }
        var keys: [TokenKey] = []
        for (index, entry) in file.keys.enumerated() {
            let key = try await read(entry) { Bad(path: path, key: "keys[\(index)].\($0)", message: $1) }
            guard !keys.contains(where: { $0.id == key.id }) else {
                throw Bad(path: path, key: "keys[\(index)].kid", message: "is taken")
            }
            keys.append(key)
        }
        return keys
    }

    private static func read(_ entry: Entry, _ bad: (String, String) -> Bad) async throws -> TokenKey {
        guard let id = entry.kid, !id.isEmpty, id.utf8.count <= 200 else { throw bad("kid", "is missing or too long") }
        guard entry.use ?? "sig" == "sig" else { throw bad("use", "must be sig") }
        guard let algorithm = entry.alg.flatMap(TokenKey.Algorithm.init(rawValue:)) else {
            throw bad("alg", "must be one of \(TokenKey.Algorithm.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let keys = JWTKeyCollection()
        let kid = JWKIdentifier(string: id)
        do {
            switch (algorithm, entry.kty, entry.crv) {
            case (.es256, "EC", "P-256"):
                await keys.add(ecdsa: try ES256PublicKey(parameters: (x: entry.x ?? "", y: entry.y ?? "")), kid: kid)
            case (.edDSA, "OKP", "Ed25519"):
                await keys.add(eddsa: try EdDSA.PublicKey(x: entry.x ?? "", curve: .ed25519), kid: kid)
            default: throw bad("kty", "does not fit \(algorithm.rawValue)")
            }
        } catch let error as Bad {
            throw error
        } catch {
            throw bad("x", "is not a point of the curve")
        }
        return TokenKey(id: id, algorithm: algorithm, check: try await keys.getKey(for: kid))
    }
}
