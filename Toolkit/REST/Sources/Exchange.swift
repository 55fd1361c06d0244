import HTTPTypes
package import HummingbirdCore
package import MartletCore
package import NIOCore

/// One request in flight.
package struct Exchange: Sendable {
    package let request: Request
    /// On which the request arrived; `nil` without a listener.
    let connection: RESTConnection?
    /// Identifies the request in logs, problems and the response.
    package let id: String
    package let trace: TraceContext
    package let started: Moment
    /// What is added to the response.
    package let added = AddedHeaders()

    /// The other end of the connection; `nil` when it is not known.
    package var peer: IPAddress? { connection?.peer }

    /// The verb of the routes: `GET` for HEAD, which differs only in the missing response body.
    package var verb: String { (request.method == .head ? HTTPRequest.Method.get : request.method).rawValue }

    /// The request's token is accepted as this principal's; nothing for an anonymous one.
    package func accepted(_ principal: Principal) {
        if principal.kind != .anonymous { connection?.trust() }
    }

    /// Reads the whole body; its bytes are reserved until the response is sent.
    ///
    /// - Parameter limit: In bytes. A body whose content length exceeds it is refused before it is read.
    /// - Throws: `Fault` with `requestTooLarge` over the limit, with `malformedRequest` when the body is truncated, with
    ///   `overloaded` when too many bytes are in flight: nothing has happened.
    package func body(upTo limit: Int) async throws -> ByteBuffer {
        try await request.bytes(upTo: limit) { (piece) throws(Fault) in
            guard connection?.reserve(piece) ?? true else { throw .tooManyBytes(isProcessed: false) }
        }
    }

    /// Reserves the bytes of a response until it is sent; not those of a stream, which a slow reader suspends.
    ///
    /// - Throws: `Fault` with `overloaded` when too many bytes are in flight: the outcome of the request is unknown.
    func reserved(_ response: Response) throws(Fault) -> Response {
        guard let connection, let bytes = response.body.contentLength, bytes > 0 else { return response }
        guard connection.reserve(bytes) else { throw .tooManyBytes(isProcessed: true) }
        return response
    }
}

extension Fault {
    fileprivate static func tooManyBytes(isProcessed: Bool) -> Fault {
        overloaded("too many bytes of requests and responses are in flight", isProcessed: isProcessed)
    }

    static var tooManyConnections: Fault { overloaded("the server has too many connections", isProcessed: false) }

    private static func overloaded(_ message: String, isProcessed: Bool) -> Fault {
        Fault(
            .unavailable,
            .overloaded,
            message,
            retryAfter: .seconds(1),
            cause: isProcessed ? nil : NotProcessed()
        )
    }
}
