import Testing

/// Bytes with which a client violates HTTP/2.
struct ProtocolViolation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8]) {
        testDescription = name
        self.bytes = bytes
    }

    static let all = [
        ProtocolViolation("DATA on an idle stream", Wire.frame(0, flags: 0, stream: 1, payload: [1, 2, 3])),
        ProtocolViolation("DATA on stream 0", Wire.frame(0, flags: 0, stream: 0, payload: [1, 2, 3])),
        ProtocolViolation("a call with a server's stream id", Wire.call(2)),
        ProtocolViolation("decreasing stream ids", Wire.call(3) + Wire.call(1)),
        ProtocolViolation("more calls than the limit", (0..<11).flatMap { Wire.call(UInt8($0 * 2 + 1)) }),
        ProtocolViolation(
            "a malformed header block",
            Wire.frame(1, flags: 4, stream: 1, payload: Array(repeating: 0xFF, count: 40))
        ),
        ProtocolViolation(
            "endless CONTINUATIONs",
            Wire.frame(1, flags: 0, stream: 1, payload: Wire.head) + Wire.continuations(200)
        ),
        ProtocolViolation(
            "a header list far above the limit",
            Wire.frame(1, flags: 0, stream: 1, payload: Wire.head)
                + Wire.frame(9, flags: 4, stream: 1, payload: Wire.longHeader(70_000))
        ),
        ProtocolViolation("a frame above the limit", [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1]),
        ProtocolViolation("a window update of 0", Wire.frame(8, flags: 0, stream: 0, payload: [0, 0, 0, 0])),
        ProtocolViolation(
            "a window above the limit",
            Wire.frame(8, flags: 0, stream: 0, payload: [0x7F, 0xFF, 0xFF, 0xFF])
                + Wire.frame(8, flags: 0, stream: 0, payload: [0x7F, 0xFF, 0xFF, 0xFF])
        ),
        ProtocolViolation("SETTINGS on a stream", Wire.frame(4, flags: 0, stream: 1, payload: [])),
        ProtocolViolation("a truncated setting", Wire.frame(4, flags: 0, stream: 0, payload: [0, 3, 0])),
        ProtocolViolation(
            "PUSH_PROMISE from a client",
            Wire.frame(5, flags: 4, stream: 1, payload: [0, 0, 0, 2] + Wire.head)
        ),
        ProtocolViolation(
            "a flood of PINGs",
            (0..<200).flatMap { _ in Wire.frame(6, flags: 0, stream: 0, payload: Array(1...8)) }
        ),
        ProtocolViolation("a flood of reset calls", Wire.rapidResets(200)),
        ProtocolViolation(
            "a flood of unknown frames",
            (0..<200).flatMap { _ in Wire.frame(0x20, flags: 0, stream: 0, payload: Array(1...8)) }
        ),
        ProtocolViolation(
            "a flood of GOAWAYs",
            (0..<200).flatMap { _ in Wire.frame(7, flags: 0, stream: 0, payload: [0, 0, 0, 0, 0, 0, 0, 0]) }
        ),
        ProtocolViolation(
            "a flood of empty DATA",
            Wire.call(1) + (0..<200).flatMap { _ in Wire.frame(0, flags: 0, stream: 1, payload: []) }
        ),
        ProtocolViolation(
            "SETTINGS of 12 KB",
            Wire.frame(4, flags: 0, stream: 0, payload: Array(repeating: 0, count: 12_000))
        ),
        ProtocolViolation(
            "GOAWAY with 12 KB of debug data",
            Wire.frame(7, flags: 0, stream: 0, payload: Array(repeating: 0, count: 12_000))
        ),
    ]
}
