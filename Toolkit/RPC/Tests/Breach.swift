import Testing

/// Something that a peer must not do.
struct Breach: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8]) {
        testDescription = name
        self.bytes = bytes
    }

    static let all = [
        Breach("data before a call", Wire.frame(0, 0, stream: 1, [1, 2, 3])),
        Breach("data on the connection itself", Wire.frame(0, 0, stream: 0, [1, 2, 3])),
        Breach("a call with the server's number", Wire.call(2)),
        Breach("call numbers that go down", Wire.call(3) + Wire.call(1)),
        Breach("more calls than the limit", (0..<11).flatMap { Wire.call(UInt8($0 * 2 + 1)) }),
        Breach("headers that are no headers", Wire.frame(1, 4, stream: 1, Array(repeating: 0xFF, count: 40))),
        Breach("headers without end", Wire.frame(1, 0, stream: 1, Wire.head) + Wire.continuations(200)),
        Breach(
            "a list of headers above the limit",
            Wire.frame(1, 0, stream: 1, Wire.head) + Wire.frame(9, 4, stream: 1, Wire.longHeader(17_000))
        ),
        Breach("a frame above the limit", [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1]),
        Breach("a window that grows by nothing", Wire.frame(8, 0, stream: 0, [0, 0, 0, 0])),
        Breach(
            "a window above the limit",
            Wire.frame(8, 0, stream: 0, [0x7F, 0xFF, 0xFF, 0xFF])
                + Wire.frame(8, 0, stream: 0, [0x7F, 0xFF, 0xFF, 0xFF])
        ),
        Breach("settings of a stream", Wire.frame(4, 0, stream: 1, [])),
        Breach("half a setting", Wire.frame(4, 0, stream: 0, [0, 3, 0])),
        Breach("a promise", Wire.frame(5, 4, stream: 1, [0, 0, 0, 2] + Wire.head)),
        Breach("a flood of pings", (0..<200).flatMap { _ in Wire.frame(6, 0, stream: 0, Array(1...8)) }),
        Breach("a flood of calls taken back", Wire.rapidResets(200)),
    ]
}
