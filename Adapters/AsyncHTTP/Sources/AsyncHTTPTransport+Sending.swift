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
    /// All addresses of a host, as the system orders them, since the client judges each; empty for an unknown host.
    static func resolve(_ host: String) -> [String] {
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, nil, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        return addresses(in: list)
    }

    static func addresses(in list: UnsafeMutablePointer<addrinfo>?) -> [String] {
        var addresses: [String] = []
        var next = list
        while let entry = next?.pointee {
            // The list has an address once for each kind of socket.
            if let address = text(of: entry), !addresses.contains(address) { addresses.append(address) }
            next = entry.ai_next
        }
        return addresses
    }

    private static func text(of entry: addrinfo) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = getnameinfo(
            entry.ai_addr,
            entry.ai_addrlen,
            &bytes,
            socklen_t(bytes.count),
            nil,
            0,
            NI_NUMERICHOST
        )
        guard result == 0 else { return nil }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
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
