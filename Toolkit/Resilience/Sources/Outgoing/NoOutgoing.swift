import MartletCore

/// The transport of a process that was given none: every request is refused.
package struct NoOutgoing: OutgoingTransport {
    package init() {}

    private static let refusal = Fault(
        .failedPrecondition,
        "outgoing.unavailable",
        "this process has no transport for outgoing HTTP"
    )

    package func addresses(of host: String) async throws -> [String] { throw Self.refusal }

    package func send(
        _ request: OutgoingRequest,
        to address: String?,
        timeout: Duration,
        responseBytesMax: Int
    ) async throws -> OutgoingResponse {
        throw Self.refusal
    }
}
