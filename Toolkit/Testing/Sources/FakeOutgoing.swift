public import MartletResilience
import Synchronization

/// Other parties for tests and simulations: names that lead to addresses, and a closure that answers.
///
/// ```swift
/// let web = FakeOutgoing(hosts: ["hooks.example": ["192.0.32.8"]]) { request, _ in
///     OutgoingResponse(status: request.method == "POST" ? 204 : 404)
/// }
/// ```
public final class FakeOutgoing: OutgoingTransport {
    /// A request as it was sent.
    public struct Sent: Sendable {
        public let request: OutgoingRequest
        /// The address that the client has chosen; `nil` where the name decides.
        public let address: String?
    }

    private let hosts: [String: [String]]
    private let answer: @Sendable (OutgoingRequest, _ address: String?) async throws -> OutgoingResponse
    private let all = Mutex<[Sent]>([])

    /// - Parameters:
    ///   - hosts: The addresses of each name; others have none.
    ///   - answer: Answers a request; throws a `Fault` where a connection fails.
    public init(
        hosts: [String: [String]],
        _ answer: @escaping @Sendable (OutgoingRequest, _ address: String?) async throws -> OutgoingResponse
    ) {
        self.hosts = hosts
        self.answer = answer
    }

    /// What was sent, in order.
    public var sent: [Sent] { all.withLock { $0 } }

    public func addresses(of host: String) async throws -> [String] {
        guard let addresses = hosts[host] else { throw OutgoingClient.unknownHost }
        return addresses
    }

    public func send(
        _ request: OutgoingRequest,
        to address: String?,
        timeout: Duration,
        responseBytesMax: Int
    ) async throws -> OutgoingResponse {
        all.withLock { $0.append(Sent(request: request, address: address)) }
        return try await answer(request, address)
    }
}
