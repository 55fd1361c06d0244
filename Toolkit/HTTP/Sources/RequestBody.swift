package import NIOCore
import Synchronization

/// The bytes of a request, in pieces as they arrive.
///
/// Nothing is read ahead of its reader but what the connection's buffers take: a client that sends faster than the reader
/// takes is slowed down. It can be read once.
public struct RequestBody: AsyncSequence, Sendable {
    /// Never empty, but for a body that is.
    public typealias Element = [UInt8]

    private enum Source: Sendable {
        case buffer(ByteBuffer)
        case stream(Stream)
    }

    /// A stream of which one reader may take the pieces.
    private final class Stream: Sendable {
        let pieces: any AsyncSequence<ByteBuffer, any Error> & Sendable
        private let isTaken = Atomic(false)

        init(_ pieces: any AsyncSequence<ByteBuffer, any Error> & Sendable) { self.pieces = pieces }

        /// `nil` for all but the first reader.
        func take() -> (any PieceReader)? {
            isTaken.exchange(true, ordering: .relaxed) ? nil : Self.reader(of: pieces)
        }

        private static func reader<Pieces: AsyncSequence<ByteBuffer, any Error>>(
            of pieces: Pieces
        ) -> any PieceReader {
            IteratorReader(base: pieces.makeAsyncIterator())
        }
    }

    private let source: Source

    /// A body that is known as a whole.
    public init(_ bytes: some Sequence<UInt8>) { self.init(buffer: ByteBuffer(bytes: bytes)) }

    /// A body that is known as a whole.
    package init(buffer: ByteBuffer) { source = .buffer(buffer) }

    /// A body that arrives in pieces; one is asked for when its reader wants it.
    package init(pieces: some AsyncSequence<ByteBuffer, any Error> & Sendable) { source = .stream(Stream(pieces)) }

    public func makeAsyncIterator() -> AsyncIterator {
        switch source {
        case .buffer(let buffer): AsyncIterator(state: .buffer(buffer))
        case .stream(let stream): AsyncIterator(state: stream.take().map { .reading($0) } ?? .taken)
        }
    }

    /// Reads the pieces of a body.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate enum State {
            /// Goes to `ended` with its piece.
            case buffer(ByteBuffer)
            case reading(any PieceReader)
            /// Another reader has the pieces.
            case taken
            case ended
        }

        fileprivate var state: State

        /// The next piece; `nil` at the end.
        ///
        /// - Throws: ``RequestBodyTaken`` when the body was read before, or why its rest does not arrive.
        public mutating func next() async throws -> [UInt8]? {
            try await nextBuffer().map { Array(buffer: $0) }
        }

        /// The next piece without a copy; as ``next()``.
        package mutating func nextBuffer() async throws -> ByteBuffer? {
            switch state {
            case .buffer(let buffer):
                state = .ended
                return buffer
            case .reading(var reader):
                let piece = try await reader.read()
                state = piece == nil ? .ended : .reading(reader)
                return piece
            case .taken: throw RequestBodyTaken()
            case .ended: return nil
            }
        }
    }
}

/// A body was read before: its bytes are gone.
public struct RequestBodyTaken: Error, Equatable {}

/// An iterator of pieces whose type is not known.
private protocol PieceReader {
    mutating func read() async throws -> ByteBuffer?
}

private struct IteratorReader<Base: AsyncIteratorProtocol>: PieceReader where Base.Element == ByteBuffer {
    var base: Base

    mutating func read() async throws -> ByteBuffer? { try await base.next() }
}
