import Crypto
import Foundation

/// A private key that signs tokens.
enum SigningKey: Sendable {
    case edDSA(Curve25519.Signing.PrivateKey)
    case es256(P256.Signing.PrivateKey)

    /// The text is not a key of one of the algorithms.
    struct Unreadable: Error {}

    private static let pemHead = "-----BEGIN PRIVATE KEY-----"
    private static let pemFoot = "-----END PRIVATE KEY-----"
    /// What precedes the 32 bytes of an Ed25519 key in PKCS 8 (RFC 8410 section 7).
    private static let ed25519Head = Data([
        0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ])

    /// A new key.
    init(_ algorithm: TokenKey.Algorithm) {
        switch algorithm {
        case .edDSA: self = .edDSA(Curve25519.Signing.PrivateKey())
        case .es256: self = .es256(P256.Signing.PrivateKey())
        }
    }

    /// Reads PKCS 8 in PEM; for ES256 also SEC 1.
    init(pem: String) throws {
        if let bytes = Self.ed25519Bytes(pem) {
            self = .edDSA(try Curve25519.Signing.PrivateKey(rawRepresentation: bytes))
        } else {
            self = .es256(try P256.Signing.PrivateKey(pemRepresentation: pem))
        }
    }

    /// PKCS 8 in PEM.
    var pem: String {
        switch self {
        case .edDSA(let key):
            let body = (Self.ed25519Head + key.rawRepresentation).base64EncodedString()
            return "\(Self.pemHead)\n\(body)\n\(Self.pemFoot)"
        case .es256(let key): return key.pemRepresentation
        }
    }

    var publicKey: VerificationKey {
        switch self {
        case .edDSA(let key): .edDSA(key.publicKey)
        case .es256(let key): .es256(key.publicKey)
        }
    }

    /// The signature as a token contains it (RFC 7518 section 3.4, RFC 8037 section 3.1).
    func signature(of data: Data) throws -> Data {
        switch self {
        case .edDSA(let key): try key.signature(for: data)
        case .es256(let key): try key.signature(for: data).rawRepresentation
        }
    }

    /// The 32 bytes of an Ed25519 key; `nil` for any other text.
    private static func ed25519Bytes(_ pem: String) -> Data? {
        let lines = pem.split(whereSeparator: \.isNewline)
        let text = lines.dropFirst().dropLast().joined()
        guard lines.count > 2, lines.first == pemHead[...], lines.last == pemFoot[...],
            let body = Data(base64Encoded: text),
            // Foundation also decodes texts with wrong padding.
            body.base64EncodedString() == text,
            body.count == ed25519Head.count + 32, body.starts(with: ed25519Head)
        else { return nil }
        return Data(body.dropFirst(ed25519Head.count))
    }
}

/// A public key that verifies signatures of its only algorithm.
enum VerificationKey: Sendable {
    case edDSA(Curve25519.Signing.PublicKey)
    case es256(P256.Signing.PublicKey)

    var algorithm: TokenKey.Algorithm {
        switch self {
        case .edDSA: .edDSA
        case .es256: .es256
        }
    }

    /// The public key as a whole.
    var bytes: [UInt8] {
        switch self {
        case .edDSA(let key): Array(key.rawRepresentation)
        case .es256(let key): Array(key.rawRepresentation)
        }
    }

    func isValid(_ signature: Data, of signed: ArraySlice<UInt8>) -> Bool {
        switch self {
        case .edDSA(let key): return key.isValidSignature(signature, for: signed)
        case .es256(let key):
            // A signature of another length is not valid either.
            guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: signed)
        }
    }
}
