import Foundation

/// The encoding of values stored as text: JSON with sorted keys, so that equal values have equal bytes.
package enum StoredJSON {
    package static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    package static func value<R: Decodable>(_ type: R.Type, from text: String) throws -> R {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
