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
    /// The buffer is a part of the connection's read buffer.
    private var isBorrowed = false

    init(messageBytesMax: Int) { self.messageBytesMax = messageBytesMax }

    /// True when no incomplete message is buffered.
    var isEmpty: Bool { buffer.readableBytes == 0 }

    /// Bytes that are buffered.
    var readableBytes: Int { buffer.readableBytes }

    mutating func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if buffer.readableBytes == 0 {
            buffer = bytes
            isBorrowed = true
        } else {
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// Bytes of the next message with its prefix, or `nil` until the prefix has arrived.
    ///
    /// - Throws: `resourceExhausted` for a length above the limit, `unimplemented` for a compressed message.
    func nextBytes() throws(Fault) -> Int? {
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
        return Self.prefixBytes + Int(length)
    }

    /// The next whole message, or `nil` until more bytes arrive.
    ///
    /// - Throws: `resourceExhausted` for a length above the limit, `unimplemented` for a compressed message.
    mutating func next() throws(Fault) -> ByteBuffer? {
        guard let bytes = try nextBytes(), buffer.readableBytes >= bytes else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.prefixBytes)
        return buffer.readSlice(length: bytes - Self.prefixBytes)
    }

    /// Copies an incomplete message out of the connection's read buffer, which it would keep as a whole.
    ///
    /// - Parameter bytes: Of the whole message, as far as they are known.
    mutating func detach(_ bytes: Int?) {
        guard isBorrowed, buffer.readableBytes > 0 else { return }
        var copy = ByteBufferAllocator().buffer(capacity: max(bytes ?? 0, buffer.readableBytes))
        copy.writeImmutableBuffer(buffer)
        buffer = copy
        isBorrowed = false
    }

    /// Releases what is buffered.
    mutating func clear() { buffer = ByteBuffer() }
}
