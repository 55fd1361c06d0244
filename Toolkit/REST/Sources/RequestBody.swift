import HTTPTypes
package import HummingbirdCore
import MartletCore
package import NIOCore
import NIOHTTP1

extension Request {
    /// Reads the whole body.
    ///
    /// - Parameter limit: In bytes. A body whose content length exceeds it is refused before it is read.
    /// - Throws: `Fault` with `requestTooLarge` over the limit, with `malformedRequest` when the body is truncated.
    package func bytes(upTo limit: Int) async throws -> ByteBuffer {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Fault.bodyTooLarge(limit: limit)
        }
        var whole = ByteBuffer()
        do {
            for try await var piece in body {
                guard whole.readableBytes + piece.readableBytes <= limit else { throw Fault.bodyTooLarge(limit: limit) }
                whole.writeBuffer(&piece)
            }
        } catch let error as HTTPParserError {
            throw Fault(
                .invalidArgument,
                .malformedRequest,
                "is truncated or framed wrongly",
                field: "body",
                cause: error
            )
        }
        return whole
    }

    /// Whether the headers announce a body, of any length.
    package var hasBody: Bool {
        headers[.transferEncoding] != nil || (headers[.contentLength].map { $0 != "0" } ?? false)
    }
}
