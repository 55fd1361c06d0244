import Foundation
import MartletCore

/// The header of a token, parsed strictly because it is not yet verified.
struct TokenHeader: Equatable {
    static let type = "at+jwt"

    let kid: ExactText
    let alg: ExactText

    /// Accepts `alg`, `kid` and `typ` only: other fields could select another key.
    init(_ encoded: Substring) throws(TokenRefusal) {
        guard let data = Self.base64URL(encoded), Self.isObject(data),
            let fields = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
        else { throw .malformed }
        // Rejects `jku`, `jwk`, `x5u`, `x5c`, `crit` and future fields.
        guard fields.keys.allSatisfy(["alg", "kid", "typ"].contains) else { throw .header }
        guard let type = fields["typ"] as? String, type.lowercased() == Self.type else { throw .type }
        guard let alg = fields["alg"] as? String else { throw .algorithm }
        guard let kid = fields["kid"] as? String else { throw .key }
        self.alg = ExactText(alg)
        self.kid = ExactText(kid)
    }

    /// Whether the bytes are one JSON object without repeated names, and nothing behind it.
    static func isObject(_ data: Data) -> Bool {
        do {
            try JSONScanner.checkObject(Array(data))
            return true
        } catch {
            return false  // The position does not matter.
        }
    }

    /// Strict: the alphabet of RFC 4648 section 5, no padding, unused bits that are zero; `nil` otherwise.
    ///
    /// So the same bytes have one text only (section 3.5).
    static func base64URL(_ text: Substring) -> Data? {
        guard !text.isEmpty, text.utf8.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 3)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"): bytes.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): bytes.append(UInt8(ascii: "/"))
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                bytes.append(byte)
            default: return nil
            }
        }
        while bytes.count % 4 != 0 { bytes.append(UInt8(ascii: "=")) }
        let padded = Data(bytes)
        guard let data = Data(base64Encoded: padded), data.base64EncodedData() == padded else { return nil }
        return data
    }
}
