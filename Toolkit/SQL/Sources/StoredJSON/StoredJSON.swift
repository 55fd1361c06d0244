import Foundation

/// The encoding of values stored as text: JSON with sorted keys, so that equal values have equal bytes.
///
/// The text is what Foundation's `JSONEncoder` writes, and is read as its `JSONDecoder` reads it. Most values take one
/// pass over bytes instead, for a quarter of the time. What this pass does not treat exactly as Foundation does, it
/// refuses, and Foundation starts from the beginning: so all errors are Foundation's, and a value may be encoded twice.
package enum StoredJSON {
    package static func text(_ value: some Encodable) throws -> String {
        try withBytes(of: value) { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `body` with the bytes of ``text(_:)``, which are valid until it returns.
    package static func withBytes<R>(
        of value: some Encodable,
        _ body: (UnsafeBufferPointer<UInt8>) throws -> R
    ) throws -> R {
        let output = JSONOutput()
        // An error is thrown again by Foundation, with its path.
        if (try? output.encode(value)) != nil, !output.isRefused { return try output.withBytes(body) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value).withUnsafeBytes { try $0.withMemoryRebound(to: UInt8.self, body) }
    }

    package static func value<R: Decodable>(_ type: R.Type, from text: String) throws -> R {
        if var input = JSONInput(text) {
            // An error is thrown again by Foundation, with its path.
            let value = try? input.decode(type, at: 0)
            // A decoder that the value keeps is Foundation's, too.
            if let value, !input.isRefused, isKnownUniquelyReferenced(&input) { return value }
        }
        return try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// Whether Foundation has a form of its own for values of `type`.
    static func isLeftToFoundation(_ type: Any.Type) -> Bool {
        type == Data.self || type == URL.self || type == Decimal.self
    }
}
