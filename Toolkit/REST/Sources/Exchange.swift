import HTTPTypes
package import MartletCore
package import MartletHTTP
package import NIOCore

/// One request in flight.
package struct Exchange: Sendable {
    /// What is reserved for a response whose length is not known: what its connection takes before the writer is
    /// suspended, and a piece.
    static let streamBytes = 32 << 10

    package let request: ServerRequest
    /// On which the request arrived; `nil` without a listener.
    let connection: RESTConnection?
    /// The number of the request on its connection.
    let number: UInt64
    /// Identifies the request in logs, problems and the response.
    package let id: String
    package let trace: TraceContext
    package let started: Moment
    /// What is added to the response.
    package let added = AddedHeaders()

    /// The other end of the connection; `nil` when it is not known.
    package var peer: IPAddress? { connection?.peer }

    /// Whom the connection authenticates by itself; `nil` for no peer.
    package var peerIdentity: PeerIdentity? { connection?.peerIdentity }

    init(request: ServerRequest, connection: RESTConnection?, id: String, trace: TraceContext, started: Moment) {
        self.request = request
        self.connection = connection
        self.id = id
        self.trace = trace
        self.started = started
        number = connection?.request ?? 0
    }

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
    ///   `requestTooSlow` when it does not arrive in time, with `overloaded` when too many bytes are in flight: nothing has
    ///   happened.
    package func body(upTo limit: Int) async throws -> ByteBuffer {
        do {
            return try await request.bytes(upTo: limit) { (piece) throws(Fault) in
                guard connection?.reserve(piece) ?? true else { throw .tooManyBytes(isProcessed: false) }
            }
        } catch let fault as Fault where fault.reason == .malformedRequest && connection?.hasLateBody == true {
            throw RequestRefusal.tooSlow(part: "body").fault
        }
    }

    /// Reserves what is missing of so many bytes for the response, before all of it is known; once it is known, what
    /// is left is released.
    ///
    /// - Returns: False when too many bytes are in flight; then nothing is reserved.
    package func reserveResponse(upTo bytes: Int) -> Bool {
        connection?.reserveResponse(upTo: bytes, of: number) ?? true
    }

    /// Reserves the bytes of a response until it is sent; of a stream, which a slow reader suspends, what may wait.
    ///
    /// - Throws: `Fault` with `overloaded` when too many bytes are in flight: the outcome of the request is unknown.
    func reserved(_ response: ServerResponse) throws(Fault) -> ServerResponse {
        guard let connection else { return response }
        guard connection.setResponse(response.body.length ?? Self.streamBytes) else {
            throw .tooManyBytes(isProcessed: true)
        }
        return response
    }

    /// There is no response but a problem: releases what was reserved for it.
    func responseFailed() { _ = connection?.setResponse(0) }
}

extension Fault {
    /// The bytes of a request or a response have no space, here or in all of the process.
    ///
    /// - Parameter isProcessed: Whether the request may have taken effect: its outcome is then unknown.
    package static func tooManyBytes(isProcessed: Bool) -> Fault {
        overloaded(
            isProcessed
                ? "the response has no space: too many bytes of requests and responses are in flight"
                : "too many bytes of requests and responses are in flight",
            isProcessed: isProcessed
        )
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
