import AsyncHTTPClient
import MartletCore
import MartletResilience
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension AsyncHTTPTransport {
    /// The first address of a host, as the system orders them.
    static func resolve(_ host: String) throws -> [String] {
        // An address that was not resolved is the text itself.
        try SocketAddress.makeAddressResolvingHost(host, port: 0).ipAddress.map { [$0] } ?? []
    }

    /// Sends a request by `client`, and collects its response.
    func send(
        _ request: OutgoingRequest,
        by client: HTTPClient,
        timeout: Duration,
        responseBytesMax: Int
    ) async throws -> OutgoingResponse {
        var outgoing = HTTPClientRequest(url: request.url.description)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for header in request.headers { outgoing.headers.add(name: header.name, value: header.value) }
        if !request.body.isEmpty { outgoing.body = .bytes(ByteBuffer(bytes: request.body)) }
        do {
            let response = try await client.execute(outgoing, deadline: .now() + TimeAmount(timeout))
            let body = try await response.body.collect(upTo: responseBytesMax)
            return OutgoingResponse(
                status: Int(response.status.code),
                headers: response.headers.map { OutgoingHeader($0.name, $0.value) },
                body: Array(body.readableBytesView)
            )
        } catch {
            throw Self.fault(error)
        }
    }

    /// What an error of the library means for the request.
    private static func fault(_ error: any Error) -> any Error {
        switch error {
        case is CancellationError: return error
        case is NIOTooManyBytesError: return OutgoingClient.tooLarge
        case is NIOConnectionError: return Fault.notProcessed("the peer cannot be reached")
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            return Fault.notProcessed("the peer cannot be reached")
        case let error as HTTPClientError: return fault(of: error)
        default: return Fault(.unavailable, .unavailable, "the connection to the peer failed", cause: error)
        }
    }

    private static func fault(of error: HTTPClientError) -> any Error {
        switch error {
        case .cancelled: CancellationError()
        case .deadlineExceeded, .readTimeout: Fault.deadlineExceeded
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            Fault.notProcessed("the peer cannot be reached")
        default: Fault(.unavailable, .unavailable, "the connection to the peer failed", cause: error)
        }
    }
}
