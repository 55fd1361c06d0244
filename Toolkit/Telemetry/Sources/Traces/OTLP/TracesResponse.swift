/// The body of a collector's answer: `opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse`.
package struct TracesResponse: Sendable, Hashable {
    /// How many spans of the request the collector refused finally.
    package let rejected: Int

    /// 0 for a body that cannot be read: the collector has accepted the request.
    package init(_ bytes: some Sequence<UInt8>) {
        let partial = Self.field(1, in: Array(bytes)[...])
        guard case .bytes(let message) = partial, case .number(let number) = Self.field(1, in: message) else {
            rejected = 0
            return
        }
        rejected = Int(max(0, Int64(bitPattern: number)))
    }

    private enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    /// The last value of a field of a message; `nil` when it has none or is malformed.
    private static func field(_ wanted: UInt64, in message: ArraySlice<UInt8>) -> Value? {
        var rest = message
        var found: Value?
        while !rest.isEmpty {
            guard let tag = varint(&rest) else { return nil }
            let value: Value
            switch tag & 7 {
            case 0:
                guard let number = varint(&rest) else { return nil }
                value = .number(number)
            case 2:
                guard let length = varint(&rest), length <= UInt64(rest.count) else { return nil }
                value = .bytes(rest.prefix(Int(length)))
                rest = rest.dropFirst(Int(length))
            default: return nil  // The message has no other kind of field.
            }
            if tag >> 3 == wanted { found = value }
        }
        return found
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
