import MartletCore
import NIOCore

/// Reassembles gRPC's length-prefixed messages from the bytes of a stream, however HTTP/2 has split them.
///
/// Buffers at most one message that it has not returned yet, plus one DATA frame.
struct MessageReassembler {
    /// One byte of flags and four of length precede each message.
    static let prefixBytes = 5

    /// The longest message that is accepted, in bytes.
    let messageBytesMax: Int
    private var buffer = ByteBuffer()

    init(messageBytesMax: Int) { self.messageBytesMax = messageBytesMax }

    /// True when no incomplete message is buffered.
    var isEmpty: Bool { buffer.readableBytes == 0 }

    mutating func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole message, or `nil` until more bytes arrive.
    ///
    /// - Throws: `resourceExhausted` for a length above the limit, `unimplemented` for a compressed message.
    mutating func next() throws(Fault) -> ByteBuffer? {
        let start = buffer.readerIndex
        guard let flags = buffer.getInteger(at: start, as: UInt8.self),
            let length = buffer.getInteger(at: start + 1, as: UInt32.self)
        else { return nil }
        switch flags {
        case 0: break
        case 1: throw Fault(.unimplemented, .malformedRequest, "compressed messages are not supported")
        default: throw Fault(.internal, .malformedRequest, "a message has unknown flags")
        }
        guard length <= messageBytesMax else {
            throw Fault(
                .resourceExhausted,
                .requestTooLarge,
                "a message of \(length) bytes is longer than the limit of \(messageBytesMax)"
            )
        }
        guard buffer.readableBytes >= Self.prefixBytes + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.prefixBytes)
        return buffer.readSlice(length: Int(length))
    }
}
