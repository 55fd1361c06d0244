import Crypto
import Foundation

/// The one form in which inputs and results are stored: JSON with sorted keys, so that equal values have equal bytes.
enum WorkflowJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<R: Decodable>(_ type: R.Type, from text: String) throws -> R {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// SHA-256 of the stored form, in hexadecimal.
    static func hash(_ value: some Encodable) throws -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in SHA256.hash(data: Data(try text(value).utf8)) {
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The input of a step that has none, and the result of one that answers nothing.
public struct NoValue: Codable, Sendable, Hashable {
    public init() {}
}
