/// Writes the few fields of google.rpc.Status by hand, so that the toolkit needs no generated code for it.
struct ProtoWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer(_ value: Int64, field: UInt64) {
        guard value != 0 else { return }
        varint(field << 3)
        varint(UInt64(bitPattern: value))
    }

    mutating func text(_ value: String, field: UInt64) {
        guard !value.isEmpty else { return }
        message(Array(value.utf8), field: field)
    }

    mutating func message(_ value: [UInt8], field: UInt64) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// Reads protobuf fields one by one; ends at the first byte that is not protobuf, and never traps.
struct ProtoReader {
    enum Value {
        case integer(UInt64)
        case bytes(ArraySlice<UInt8>)
        /// A 32 or 64 bit number, which none of our messages has.
        case fixed
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> (field: UInt64, value: Value)? {
        guard let tag = varint() else { return nil }
        switch tag & 7 {
        case 0: return varint().map { (tag >> 3, .integer($0)) }
        case 1: return skip(8) ? (tag >> 3, .fixed) : nil
        case 5: return skip(4) ? (tag >> 3, .fixed) : nil
        case 2:
            guard let length = varint(), length <= UInt64(rest.count) else { return nil }
            let value = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            return (tag >> 3, .bytes(value))
        default: return nil
        }
    }

    private mutating func skip(_ count: Int) -> Bool {
        guard rest.count >= count else { return false }
        rest = rest.dropFirst(count)
        return true
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
