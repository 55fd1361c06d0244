import MartletContract
import MartletCore
import MartletHTTP
import NIOCore

/// Calls endpoints beside contracts, with the tokens and deadlines of contracts.
struct RawCalls: Sendable {
    let authenticate: RESTResponder.Authenticate
    let limits: RESTLimits
    let time: any TimeSource

    /// - Throws: An error that becomes a problem.
    func answer(_ raw: ServedRaw, variables: [PathVariable], in exchange: Exchange) async throws -> ServerResponse {
        let request = exchange.request
        let deadline = try RESTHeaders.deadline(
            of: request.headers,
            standard: limits.timeout,
            limit: limits.timeoutMax,
            now: exchange.started
        )
        return try await withDeadline(deadline, time) {
            let principal = try await authenticate(request.headers, exchange.peerIdentity)
            exchange.accepted(principal)
            try raw.route.method(of: "").admit(principal, from: exchange.peerIdentity)
            let body = try await exchange.body(upTo: raw.route.bodyBytesMax)
            return try await raw.handle(
                RawRequest(
                    request,
                    body: Array(buffer: body),
                    variables: variables.map { ($0.name, $0.value) },
                    principal: principal,
                    id: exchange.id,
                    deadline: deadline
                )
            )
        }
    }
}
