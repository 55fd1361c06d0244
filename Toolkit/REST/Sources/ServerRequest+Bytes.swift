import HTTPTypes
import MartletCore
package import MartletHTTP
import NIOCore

extension ServerRequest {
    /// Reads the whole body.
    ///
    /// - Parameters:
    ///   - limit: In bytes. A body whose content length exceeds it is refused before it is read.
    ///   - reserve: Gets the number of bytes of each piece before it is kept; throws when there is no space for them.
    /// - Throws: `Fault` with `requestTooLarge` over the limit, with `malformedRequest` when the body is truncated.
    func bytes(upTo limit: Int, reserve: (Int) throws(Fault) -> Void) async throws -> ByteBuffer {
        if let length = announcedLength, length > limit {
            throw Fault.bodyTooLarge(limit: limit)
        }
        var whole = ByteBuffer()
        var pieces = body.makeAsyncIterator()
        while var piece = try await pieces.nextBuffer() {
            guard whole.readableBytes + piece.readableBytes <= limit else { throw Fault.bodyTooLarge(limit: limit) }
            try reserve(piece.readableBytes)
            whole.writeBuffer(&piece)
        }
        return whole
    }

    /// The announced length of the body; one that no integer holds counts as the largest.
    private var announcedLength: Int? {
        guard let text = headers[.contentLength], !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return nil }
        return Int(text) ?? .max
    }

    /// Whether the headers announce a body, of any length.
    package var hasBody: Bool {
        headers[.transferEncoding] != nil || (headers[.contentLength].map { $0 != "0" } ?? false)
    }
}
