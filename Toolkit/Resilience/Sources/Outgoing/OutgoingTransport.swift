/// Sends requests to other parties: a library in a program, a fake in a test.
public protocol OutgoingTransport: Sendable {
    /// The addresses of a host, as texts in the form of RFC 4291 or with dots.
    ///
    /// - Throws: `Fault` with `unavailable` when there are none.
    func addresses(of host: String) async throws -> [String]

    /// Sends one request, and follows no redirect.
    ///
    /// - Parameters:
    ///   - request: Checked by the client.
    ///   - address: Where the host of the request is reached, and nowhere else; `nil`: where its name leads to.
    ///   - timeout: Until the last byte of the response.
    ///   - responseBytesMax: The longest body of a response.
    /// - Throws: `Fault`: `notProcessed` when no connection was made, `unavailable` when it broke, `deadlineExceeded` after
    ///   `timeout`, and ``OutgoingClient/responseTooLarge`` for a body beyond its limit.
    func send(
        _ request: OutgoingRequest,
        to address: String?,
        timeout: Duration,
        responseBytesMax: Int
    ) async throws -> OutgoingResponse
}
