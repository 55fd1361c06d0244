package import NIOCore

/// The bytes of a response: known as a whole, or written piece by piece while they are sent.
public struct ResponseBody: Sendable {
    /// Writes a body.
    ///
    /// What it throws ends the connection, since the client must not take the body for whole.
    public typealias Write = @Sendable (_ writer: ResponseBodyWriter) async throws -> Void

    /// What a listener sends.
    package enum Content: Sendable {
        case bytes(ByteBuffer)
        case stream(length: Int?, write: Write)
    }

    package let content: Content

    private init(_ content: Content) { self.content = content }

    /// A body without bytes.
    public init() { self.init(.bytes(ByteBuffer())) }

    /// A body that is known as a whole, as `text.utf8`.
    public init(_ bytes: some Sequence<UInt8>) { self.init(.bytes(ByteBuffer(bytes: bytes))) }

    /// A body that is known as a whole.
    package init(buffer: ByteBuffer) { self.init(.bytes(buffer)) }

    /// A body that is written while it is sent.
    ///
    /// - Parameters:
    ///   - length: The number of bytes, when it is known: exactly so many must be written. `nil`: the client gets them in
    ///     chunks.
    ///   - write: Called once, after the head is sent; the body ends when it returns.
    public init(length: Int?, _ write: @escaping Write) { self.init(.stream(length: length, write: write)) }

    /// The number of bytes; `nil` when it is not known before.
    public var length: Int? {
        switch content {
        case .bytes(let bytes): bytes.readableBytes
        case .stream(let length, _): length
        }
    }

    /// Passes the bytes on, piece by piece.
    ///
    /// - Throws: ``ResponseBodyLength`` for other than the number of bytes that was stated; what `sink` and the body's own
    ///   closure throw.
    package func write(_ sink: @escaping (ByteBuffer) async throws -> Void) async throws {
        switch content {
        case .bytes(let bytes): if bytes.readableBytes > 0 { try await sink(bytes) }
        case .stream(let length, let write):
            let counted = CountedBytes(limit: length)
            try await write(
                ResponseBodyWriter { piece in
                    try counted.add(piece.readableBytes)
                    try await sink(piece)
                }
            )
            try counted.end()
        }
    }
}

/// Sends the pieces of one body.
public struct ResponseBodyWriter {
    private let sink: (ByteBuffer) async throws -> Void

    init(_ sink: @escaping (ByteBuffer) async throws -> Void) { self.sink = sink }

    /// Sends a piece.
    ///
    /// Suspends while the client does not take what was sent before.
    ///
    /// - Throws: When the client is gone.
    public func write(_ bytes: some Sequence<UInt8>) async throws { try await write(buffer: ByteBuffer(bytes: bytes)) }

    /// Sends a piece without a copy; as ``write(_:)``.
    package func write(buffer: ByteBuffer) async throws {
        // An empty chunk would end the body.
        if buffer.readableBytes > 0 { try await sink(buffer) }
    }
}

/// A body has another number of bytes than was stated.
public struct ResponseBodyLength: Error, Equatable {
    /// The number that was stated.
    public let stated: Int
}

/// Compares a body that is written with its stated length.
private final class CountedBytes {
    private let limit: Int?
    private var count = 0

    init(limit: Int?) { self.limit = limit }

    func add(_ bytes: Int) throws {
        count += bytes
        if let limit, count > limit { throw ResponseBodyLength(stated: limit) }
    }

    func end() throws {
        if let limit, count < limit { throw ResponseBodyLength(stated: limit) }
    }
}
