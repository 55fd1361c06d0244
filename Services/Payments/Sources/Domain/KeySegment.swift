/// A name within a key whose parts are separated by `/`: without one of its own, so that two keys never have one text.
struct KeySegment: Sendable, Equatable, CustomStringConvertible {
    let description: String

    /// Writes `/` and `%` as `%2f` and `%25`; other names, such as an order's id, stay as they are.
    init(_ name: String) {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "/"): bytes += "%2f".utf8
            case UInt8(ascii: "%"): bytes += "%25".utf8
            default: bytes.append(byte)
            }
        }
        description = String(decoding: bytes, as: UTF8.self)
    }
}
