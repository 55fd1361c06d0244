import Crypto
import MartletSQL

/// The hash by which a replay checks that a step has the same input as before.
enum InputHash {
    /// SHA-256 of the stored form, in hexadecimal.
    static func of(_ value: some Encodable) throws -> String {
        var hash = SHA256()
        try StoredJSON.withBytes(of: value) { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        let bytes = hash.finalize()
        return String(unsafeUninitializedCapacity: 2 * SHA256.byteCount) { text in
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = digit(byte >> 4)
                text[2 * index + 1] = digit(byte & 15)
            }
            return 2 * SHA256.byteCount
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
