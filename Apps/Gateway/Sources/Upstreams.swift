import AsyncHTTPClient
import Hummingbird
import MartletContract
import MartletCore
import MartletDiscovery
import MartletREST
import NIOCore
import NIOHTTP1

/// The services behind the gateway: picks an instance and hands requests on over kept connections.
struct Upstreams: Sendable {
    /// What of a request a service gets to see, beside what the gateway says itself.
    private static let passed: [HeaderName] = [
        .accept, .acceptLanguage, .authorization, .contentEncoding, .contentType, .ifMatch, .ifNoneMatch, .userAgent,
    ]
    /// What belongs to one connection and not to the answer.
    private static let hops: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    let http: HTTPClient
    let limits: GatewayLimits
    let time: any TimeSource
    private let balancers: [String: Balancer]

    init(services: Set<String>, registry: any Registry, http: HTTPClient, limits: GatewayLimits, time: any TimeSource) {
        self.http = http
        self.limits = limits
        self.time = time
        balancers = Dictionary(uniqueKeysWithValues: services.map { ($0, Balancer(for: $0, in: registry)) })
    }

    /// Connections to services: a service that does not listen is told at once.
    static func client(_ limits: GatewayLimits) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .nanoseconds(limits.connect.nanosecondsClamped)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .nanoseconds(limits.idle.nanosecondsClamped)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// - Throws: `Fault`: `unavailable` when the service is down, `deadlineExceeded` when it does not answer in time.
    func forward(
        _ exchange: Exchange,
        _ body: ByteBuffer,
        to routed: RoutedMethod,
        deadline: Moment
    ) async throws -> Response {
        guard let balancer = balancers[routed.service] else { throw Self.down(routed.service, nil) }
        guard let address = try await balancer.pick(where: { $0.http != nil }).http else {
            throw Self.down(routed.service, nil)
        }
        let left = deadline - time.now
        guard left > .zero else { throw Fault.deadlineExceeded }
        var sent = request(exchange, to: address, left: left)
        if body.readableBytes > 0 { sent.body = .bytes(body) }
        do {
            let answer = try await http.execute(sent, timeout: .nanoseconds(left.nanosecondsClamped))
            let bytes = try await answer.body.collect(upTo: limits.answerBytesMax)
            return Self.response(answer, bytes)
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw Fault(.deadlineExceeded, .deadlineExceeded, "\(routed.service) did not answer in time", cause: error)
        } catch is NIOTooManyBytesError {
            throw Fault(.internal, .internal, "the answer is larger than \(limits.answerBytesMax) bytes")
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw Self.down(routed.service, error)
        }
    }

    private func request(_ exchange: Exchange, to address: Address, left: Duration) -> HTTPClientRequest {
        let request = exchange.request
        // From parts: the caller's text must not get a say in the host.
        let query = request.uri.query.map { "?\($0)" } ?? ""
        var sent = HTTPClientRequest(url: "http://\(address)\(request.uri.path)\(query)")
        sent.method = .init(rawValue: exchange.verb)
        for name in Self.passed {
            if let value = request.headers[name] { sent.headers.add(name: name.canonicalName, value: value) }
        }
        // One by one, so that the service sees when there are several.
        for key in request.headers[values: RESTHeaders.idempotencyKey] {
            sent.headers.add(name: RESTHeaders.idempotencyKey.canonicalName, value: key)
        }
        sent.headers.add(name: RESTHeaders.requestID.canonicalName, value: exchange.id)
        sent.headers.add(name: RESTHeaders.traceparent.canonicalName, value: exchange.trace.traceparent)
        sent.headers.add(name: RESTHeaders.requestTimeout.canonicalName, value: "\(max(1, left.milliseconds))")
        return sent
    }

    private static func response(_ answer: HTTPClientResponse, _ bytes: ByteBuffer) -> Response {
        var headers = HTTPFields()
        for (name, value) in answer.headers where !hops.contains(name.lowercased()) {
            guard let name = HeaderName(name), name != .contentLength else { continue }
            headers.append(HTTPFields.Element(name: name, value: value))
        }
        return Response(
            status: .init(code: Int(answer.status.code)),
            headers: headers,
            body: ResponseBody(byteBuffer: bytes)
        )
    }

    /// Whether the service has acted is not known: its client asks again with the same key.
    private static func down(_ service: String, _ cause: (any Error)?) -> Fault {
        Fault(.unavailable, .unavailable, "\(service) is not available", retryAfter: .seconds(1), cause: cause)
    }
}
