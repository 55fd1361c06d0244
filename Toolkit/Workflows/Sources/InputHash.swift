import Crypto
import MartletSQL

/// The hash by which a replay checks that a step has the same input as before.
enum InputHash {
    /// SHA-256 of the stored form, in hexadecimal.
    static func of(_ value: some Encodable) throws -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in SHA256.hash(data: Array(try StoredJSON.text(value).utf8)) {
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
