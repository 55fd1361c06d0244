import NIOCore
import Synchronization

/// Hand-written HTTP/2 bytes.
enum Wire {
    /// The preface, SETTINGS, and the acknowledgement of the server's.
    static let handshake: [UInt8] = {
        let preface: [UInt8] = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        return preface + frame(4, flags: 0, stream: 0, payload: []) + frame(4, flags: 1, stream: 0, payload: [])
    }()

    /// POST, http, a path and a content type, from the static table or without indexing.
    static let head: [UInt8] = {
        let path: [UInt8] = [0x83, 0x86, 0x04] + text("/martlet.test.Texts/Echo")
        return path + [0x0F, 0x10] + text("application/grpc")
    }()

    static func frame(_ kind: UInt8, flags: UInt8, stream: UInt8, payload: [UInt8]) -> [UInt8] {
        frame(kind, flags: flags, onStream: UInt32(stream), payload: payload)
    }

    /// The HEADERS frame of a call, without its message.
    static func call(_ stream: UInt8) -> [UInt8] { frame(1, flags: 4, stream: stream, payload: head) }

    /// The header block of a call of `method` with more headers, all without indexing.
    static func block(_ method: String, _ more: [(name: String, value: String)] = []) -> [UInt8] {
        var block: [UInt8] = [0x83, 0x86, 0x04] + text("/martlet.test.Texts/\(method)")
        block += [0x0F, 0x10] + text("application/grpc")
        for (name, value) in more { block += [0x00] + text(name) + text(value) }
        return block
    }

    /// A whole call with an empty message.
    static func wholeCall(_ stream: UInt8, _ method: String, with more: [(name: String, value: String)] = []) -> [UInt8]
    {
        frame(1, flags: 4, stream: stream, payload: block(method, more))
            + frame(0, flags: 1, stream: stream, payload: [0, 0, 0, 0, 0])
    }

    /// A whole call of grpc.health.v1.Health/Check.
    static func healthCheck(_ stream: UInt8) -> [UInt8] { health(stream, "Check") }

    /// A whole call of grpc.health.v1.Health/Watch.
    static func healthWatch(_ stream: UInt8) -> [UInt8] { health(stream, "Watch") }

    private static func health(_ stream: UInt8, _ method: String) -> [UInt8] {
        let block: [UInt8] =
            [0x83, 0x86, 0x04] + text("/grpc.health.v1.Health/\(method)") + [0x0F, 0x10] + text("application/grpc")
        return frame(1, flags: 4, stream: stream, payload: block)
            + frame(0, flags: 1, stream: stream, payload: [0, 0, 0, 0, 0])
    }

    static func continuations(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { _ in frame(9, flags: 0, stream: 1, payload: [0x83]) }
    }

    /// A header block of so many bytes, compressed to few.
    static func longHeader(_ bytes: Int) -> [UInt8] {
        // The first goes into the dynamic table, the others refer to it.
        let value = Array(repeating: UInt8(ascii: "a"), count: 3_900)
        var header: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 0x7F]
        header += integer(value.count - 127)
        header += value
        return header + [UInt8](repeating: 0xBE, count: bytes / value.count)
    }

    static func rapidResets(_ count: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in 0..<count {
            bytes += frame(1, flags: 4, onStream: number * 2 + 1, payload: head)
            bytes += frame(3, flags: 0, onStream: number * 2 + 1, payload: [0, 0, 0, 8])
        }
        return bytes
    }

    private static func frame(_ kind: UInt8, flags: UInt8, onStream stream: UInt32, payload: [UInt8]) -> [UInt8] {
        var bytes = Array(bigEndian(UInt32(payload.count)).dropFirst())
        bytes += [kind, flags]
        bytes += bigEndian(stream)
        return bytes + payload
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    private static func text(_ value: String) -> [UInt8] { [UInt8(value.utf8.count)] + Array(value.utf8) }

    private static func integer(_ rest: Int) -> [UInt8] {
        var rest = rest
        var bytes: [UInt8] = []
        while rest >= 128 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

/// One HTTP/2 frame.
struct WireFrame: Equatable {
    let kind: UInt8
    let flags: UInt8
    let stream: UInt32
    let payload: [UInt8]

    /// Ends its stream by its flag or by its kind.
    var endsStream: Bool { (kind <= 1 && flags & 1 == 1) || kind == 3 }

    /// Removes the next whole frame from the bytes; `nil` while it is incomplete.
    static func parse(_ bytes: inout ByteBuffer) -> WireFrame? {
        guard let head = bytes.getBytes(at: bytes.readerIndex, length: 9) else { return nil }
        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        guard bytes.readableBytes >= 9 + length else { return nil }
        let stream = bytes.getInteger(at: bytes.readerIndex + 5, as: UInt32.self) ?? 0
        bytes.moveReaderIndex(forwardBy: 9)
        let payload = bytes.readBytes(length: length) ?? []
        return WireFrame(kind: head[3], flags: head[4], stream: stream, payload: payload)
    }
}

/// Fires a signal at the end of one stream.
final class StreamEndObserver: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let stream: UInt32
    private let ended: OneShotSignal
    private let rest = Mutex(ByteBuffer())

    init(for stream: UInt32, ended: OneShotSignal) {
        self.stream = stream
        self.ended = ended
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let arrived = unwrapInboundIn(data)
        rest.withLock { rest in
            rest.writeImmutableBuffer(arrived)
            while let frame = WireFrame.parse(&rest) {
                if frame.stream == stream, frame.endsStream { ended.fire() }
            }
        }
    }
}
