import HummingbirdCore
import MartletCore
import MartletHTTP
import NIOCore
import NIOHTTP1

// Where Hummingbird's messages become ours, and ours Hummingbird's: no type of it passes this folder.

extension ServerRequest {
    /// A request whose body Hummingbird reads from the connection as its reader asks for it.
    init(_ request: HummingbirdCore.Request) {
        self.init(head: request.head, body: MartletHTTP.RequestBody(pieces: HummingbirdPieces(base: request.body)))
    }
}

/// The pieces of a body, with faults in place of the errors of Hummingbird's parser.
private struct HummingbirdPieces: AsyncSequence, Sendable {
    let base: HummingbirdCore.RequestBody

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator()) }

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: HummingbirdCore.RequestBody.AsyncIterator

        mutating func next() async throws -> ByteBuffer? {
            do {
                return try await base.next()
            } catch let error as HTTPParserError {
                throw Fault(
                    .invalidArgument,
                    .malformedRequest,
                    "is truncated or framed wrongly",
                    field: "body",
                    cause: error
                )
            }
        }
    }
}

extension MartletHTTP.ResponseBody {
    /// The body as Hummingbird writes it; a writer is suspended while the connection does not take bytes.
    var hummingbird: HummingbirdCore.ResponseBody {
        guard case .stream(let length, _) = content else {
            guard case .bytes(let bytes) = content, bytes.readableBytes > 0 else {
                return HummingbirdCore.ResponseBody()
            }
            return HummingbirdCore.ResponseBody(byteBuffer: bytes)
        }
        return HummingbirdCore.ResponseBody(contentLength: length) { writer in
            var pieces = writer
            try await write { try await pieces.write($0) }
            try await writer.finish(nil)
        }
    }
}
