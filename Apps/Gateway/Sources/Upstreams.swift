import HTTPTypes
import HummingbirdCore
import MartletContract
import MartletCore
import MartletDiscovery
import MartletREST
import NIOCore
import NIOHTTP1

/// The services behind the gateway: picks instances and forwards requests over pooled connections.
struct Upstreams: Sendable {
    /// The request headers that are forwarded; the gateway adds its own.
    private static let forwardedHeaders: [HeaderName] = [
        .accept, .acceptLanguage, .authorization, .contentEncoding, .contentType, .ifMatch, .ifNoneMatch, .userAgent,
    ]
    /// Hop-by-hop headers, which are not copied to the response.
    private static let hopByHopHeaders: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    let http: HTTP1Client
    let limits: GatewayLimits
    let time: any TimeSource
    private let balancers: [String: Balancer]

    init(services: Set<String>, registry: any Registry, http: HTTP1Client, limits: GatewayLimits, time: any TimeSource)
    {
        self.http = http
        self.limits = limits
        self.time = time
        balancers = Dictionary(uniqueKeysWithValues: services.map { ($0, Balancer(for: $0, in: registry)) })
    }

    /// The HTTP client; a refused connection fails immediately.
    static func client(_ limits: GatewayLimits) -> HTTP1Client {
        var clientLimits = HTTP1ClientLimits.standard
        clientLimits.connectTimeout = limits.connect
        clientLimits.idleTimeout = limits.idle
        return HTTP1Client(limits: clientLimits)
    }

    /// - Throws: `Fault`: `unavailable` when the service is down, `deadlineExceeded` when it does not respond in time.
    func forward(
        _ exchange: Exchange,
        _ body: ByteBuffer,
        to routed: RoutedMethod,
        deadline: Moment
    ) async throws -> Response {
        guard let balancer = balancers[routed.service] else { throw Self.unavailable(routed.service, nil) }
        guard let address = try await balancer.pick(where: { $0.http != nil }).http else {
            throw Self.unavailable(routed.service, nil)
        }
        let remaining = deadline - time.now
        guard remaining > .zero else { throw Fault.deadlineExceeded }
        do {
            let response = try await http.send(
                Self.request(exchange, body, remaining: remaining),
                host: address.host,
                port: address.port,
                timeout: remaining,
                responseBytesMax: limits.responseBytesMax
            )
            return Self.response(response)
        } catch let error as HTTP1ClientError where error == .timedOut {
            throw Fault(.deadlineExceeded, .deadlineExceeded, "\(routed.service) did not respond in time", cause: error)
        } catch let error as HTTP1ClientError where error == .responseTooLarge(bytesMax: limits.responseBytesMax) {
            throw Fault(.internal, .internal, "the response is larger than \(limits.responseBytesMax) bytes")
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw Self.unavailable(routed.service, error)
        }
    }

    private static func request(
        _ exchange: Exchange,
        _ body: ByteBuffer,
        remaining: Duration
    ) -> HTTP1Client.Request {
        let request = exchange.request
        let query = request.uri.query.map { "?\($0)" } ?? ""
        var outgoing = HTTP1Client.Request(
            method: exchange.verb,
            target: "\(request.uri.path)\(query)",
            headers: [:],
            body: body
        )
        for name in forwardedHeaders {
            if let value = request.headers[name] { outgoing.headers.add(name: name.canonicalName, value: value) }
        }
        // Added one by one, so that the service can reject repeated keys.
        for key in request.headers[values: RESTHeaders.idempotencyKey] {
            outgoing.headers.add(name: RESTHeaders.idempotencyKey.canonicalName, value: key)
        }
        outgoing.headers.add(name: RESTHeaders.requestID.canonicalName, value: exchange.id)
        outgoing.headers.add(name: RESTHeaders.traceparent.canonicalName, value: exchange.trace.traceparent)
        outgoing.headers.add(name: RESTHeaders.requestTimeout.canonicalName, value: "\(max(1, remaining.milliseconds))")
        return outgoing
    }

    private static func response(_ upstream: HTTP1Client.Response) -> Response {
        var headers = HTTPFields()
        for (name, value) in upstream.headers where !hopByHopHeaders.contains(name.lowercased()) {
            guard let name = HeaderName(name), name != .contentLength else { continue }
            headers.append(HTTPFields.Element(name: name, value: value))
        }
        return Response(
            status: .init(code: Int(upstream.status.code)),
            headers: headers,
            body: ResponseBody(byteBuffer: upstream.body)
        )
    }

    /// The outcome of the request is unknown: clients retry with the same idempotency key.
    private static func unavailable(_ service: String, _ cause: (any Error)?) -> Fault {
        Fault(.unavailable, .unavailable, "\(service) is not available", retryAfter: .seconds(1), cause: cause)
    }
}
