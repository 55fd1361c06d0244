/// Writes a protobuf message; fields with their default values are left out, as proto3 does.
struct ProtoWriter {
    private(set) var bytes: [UInt8] = []

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case delimited = 2
        case fixed32 = 5
    }

    mutating func number(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, .varint)
        varint(value)
    }

    mutating func fixed64(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, .fixed64)
        append(value, bytes: 8)
    }

    mutating func fixed32(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        tag(field, .fixed32)
        append(value, bytes: 4)
    }

    mutating func text(_ field: UInt64, _ value: String) {
        guard !value.isEmpty else { return }
        delimited(field, Array(value.utf8))
    }

    /// The bits of an id, the highest byte first.
    mutating func id(_ field: UInt64, _ parts: UInt64...) {
        delimited(field, parts.flatMap { part in (0..<8).map { UInt8(truncatingIfNeeded: part >> (56 - 8 * $0)) } })
    }

    /// A message, also an empty one, and a member of a `oneof`, also with its default value.
    mutating func message(_ field: UInt64, _ write: (inout ProtoWriter) -> Void) {
        var message = ProtoWriter()
        write(&message)
        delimited(field, message.bytes)
    }

    /// A member of a `oneof`: written with its default value, too.
    mutating func chosen(_ field: UInt64, _ value: UInt64) {
        tag(field, .varint)
        varint(value)
    }

    /// A member of a `oneof`: written with its default value, too.
    mutating func chosen(_ field: UInt64, _ value: String) { delimited(field, Array(value.utf8)) }

    /// A member of a `oneof`: written with its default value, too.
    mutating func chosen(_ field: UInt64, _ value: Double) {
        tag(field, .fixed64)
        append(value.bitPattern, bytes: 8)
    }

    private mutating func delimited(_ field: UInt64, _ value: [UInt8]) {
        tag(field, .delimited)
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func tag(_ field: UInt64, _ type: WireType) { varint(field << 3 | type.rawValue) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(_ value: UInt64, bytes count: Int) {
        for place in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
    }
}
