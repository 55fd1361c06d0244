import AsyncHTTPClient
import MartletCore
public import MartletResilience
import NIOCore
import NIOPosix

/// Sends outgoing requests by AsyncHTTPClient, with TLS: HTTP/1.1, no proxy, no redirects, bodies as they come.
///
/// Requests to configured peers share connections. One to a judged address has a connection of its own, which can lead
/// nowhere else; the peer's certificate is still that of the host's name.
public struct AsyncHTTPTransport: OutgoingTransport {
    /// How long a connection may take.
    private static let connectTimeout = TimeAmount.seconds(5)

    /// One for the process, made by the first request: it is never closed.
    private static let shared = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration())

    public init() {}

    private static func configuration() -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: connectTimeout)
        )
        configuration.httpVersion = .http1Only
        // The outgoing client decides about repeats.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    public func addresses(of host: String) async throws -> [String] {
        // The resolver of the system blocks its thread.
        let addresses = try? await NIOThreadPool.singleton.runIfActive { Self.resolve(host) }
        guard let addresses, !addresses.isEmpty else { throw OutgoingClient.unknownHost }
        return addresses
    }

    public func send(
        _ request: OutgoingRequest,
        to address: String?,
        timeout: Duration,
        responseBytesMax: Int
    ) async throws -> OutgoingResponse {
        guard let address else {
            return try await send(request, by: Self.shared, timeout: timeout, responseBytesMax: responseBytesMax)
        }
        var configuration = Self.configuration()
        configuration.dnsOverride = [request.url.host: address]
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<OutgoingResponse, any Error>
        do {
            result = .success(try await send(request, by: client, timeout: timeout, responseBytesMax: responseBytesMax))
        } catch {
            result = .failure(error)
        }
        // It has no open request any more; an error means that it is closed already.
        try? await client.shutdown()
        return try result.get()
    }
}
