import MartletHTTP
import NIOCore

/// Collects the body of a response, in place of a connection.
enum CollectedBody {
    static func text(of response: ServerResponse) async throws -> String {
        var bytes = ByteBuffer()
        try await response.body.write { bytes.writeImmutableBuffer($0) }
        return String(buffer: bytes)
    }
}
