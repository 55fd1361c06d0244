import HTTPTypes
import MartletContract
import MartletCore
import MartletDiscovery
import MartletHTTP
import MartletHost
import MartletREST
import MartletResilience
import MartletTelemetry
import NIOCore
import NIOHTTP1

/// The services behind the gateway: chooses instances and forwards requests over pooled connections.
///
/// A request goes to the next instance while it was certainly not sent. One whose connection broke is sent once more if its
/// method may be repeated, from a budget.
struct Upstreams: Sendable {
    /// The request headers that are forwarded; the gateway adds its own.
    private static let forwardedHeaders: [HeaderName] = [
        .accept, .acceptLanguage, .authorization, .contentEncoding, .contentType, .ifMatch, .ifNoneMatch, .userAgent,
    ]
    /// Hop-by-hop headers, which are not copied to the response.
    private static let hopByHopHeaders: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    /// Of an endpoint beside contracts: what is not forwarded, since the gateway writes it, or no client is trusted with it.
    private static let withheldHeaders: Set<HeaderName> = [
        RESTHeaders.idempotencyKey, RESTHeaders.requestID, RESTHeaders.requestTimeout, RESTHeaders.system,
        RESTHeaders.traceparent, RESTHeaders.tracestate, .connection, .contentLength, .expect, .te, .trailer,
        .transferEncoding, .upgrade,
    ]

    let http: HTTP1Client
    let limits: GatewayLimits
    let system: SystemName?
    let runtime: Runtime
    private let problem: @Sendable () -> String?
    private let services: [String: Service]

    private struct Service: Sendable {
        let instances: Balancer
        let repeats: RetryBudget
    }

    /// - Parameters:
    ///   - services: The names of the services.
    ///   - registry: Their instances.
    ///   - http: Sends the requests.
    ///   - limits: The limits of requests and responses.
    ///   - system: The system that must answer; `nil`: any.
    ///   - problem: What is wrong with this machine, for callers of a service that is not available.
    ///   - metrics: Those of the process.
    ///   - runtime: The clocks and the random numbers.
    init(
        services: Set<String>,
        registry: any Registry,
        http: HTTP1Client,
        limits: GatewayLimits,
        system: SystemName?,
        problem: @escaping @Sendable () -> String?,
        metrics: MetricsRegistry,
        runtime: Runtime
    ) {
        self.http = http
        self.limits = limits
        self.system = system
        self.problem = problem
        self.runtime = runtime
        let calls = limits.calls
        let pairs = services.map { service in
            let instances = Balancer(for: service, in: registry, policy: calls, runtime: runtime) { $0.http != nil }
            instances.export(to: metrics)
            let repeats = RetryBudget(capacity: calls.retryBurst, deposit: calls.retryShare)
            return (service, Service(instances: instances, repeats: repeats))
        }
        self.services = Dictionary(uniqueKeysWithValues: pairs)
    }

    /// The HTTP client; a refused connection fails immediately.
    static func client(_ limits: GatewayLimits) -> HTTP1Client {
        var clientLimits = HTTP1ClientLimits.standard
        clientLimits.connectTimeout = limits.connect
        clientLimits.idleTimeout = limits.idle
        return HTTP1Client(limits: clientLimits)
    }

    /// The response of a service.
    struct Answer {
        let response: ServerResponse
        /// The service refused the request since it is overloaded, and not because of the request or its caller.
        let isOverload: Bool
    }

    /// The bytes of the response are reserved as they arrive, by its `Content-Length` with its head.
    ///
    /// - Parameters:
    ///   - exchange: The request.
    ///   - body: Its body.
    ///   - caller: The name of its caller, for the caller's share of the connections.
    ///   - routed: The method that it calls.
    ///   - deadline: When its caller stops waiting.
    /// - Throws: `Fault`: `unavailable` when the service is down, `deadlineExceeded` when it does not respond in time,
    ///   `overloaded` when too many requests wait for it, or too many bytes are in flight: nothing has happened, or the
    ///   outcome is unknown.
    func forward(
        _ exchange: Exchange,
        _ body: ByteBuffer,
        of caller: ExactText,
        to routed: RoutedMethod,
        deadline: Moment
    ) async throws -> Answer {
        guard let service = services[routed.service] else { throw unavailable(routed.service, nil) }
        guard exchange.reserveResponse(upTo: limits.responseBytesReserved) else {
            throw Fault.tooManyBytes(isProcessed: false)
        }
        service.repeats.called(by: caller)
        // Of a request that may have been processed: what its repeat meets makes no difference to that.
        var first: Fault?
        while true {
            do {
                return try await service.instances.call(routed.method, until: deadline) { instance in
                    try await send(exchange, body, of: caller, to: routed, at: instance, deadline: deadline)
                }
            } catch let fault as Fault where fault.cause is NoInstance || fault.cause is CircuitOpen {
                throw first ?? unavailable(routed.service, fault.cause)
            } catch let fault as Fault {
                guard first == nil, Self.mayRepeat(routed.method, after: fault), runtime.time.now < deadline,
                    service.repeats.takeRetry(for: caller)
                else { throw first ?? fault }
                first = fault
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                throw unavailable(routed.service, error)
            }
        }
    }

    /// Whether a request may have been processed, its connection broke, and a second one changes nothing more.
    private static func mayRepeat(_ method: MethodDescriptor, after fault: Fault) -> Bool {
        method.idempotent && fault.reason == .unavailable && !fault.isNotProcessed
    }

    /// Sends a request to one instance.
    private func send(
        _ exchange: Exchange,
        _ body: ByteBuffer,
        of caller: ExactText,
        to routed: RoutedMethod,
        at instance: Instance,
        deadline: Moment
    ) async throws -> Answer {
        guard let address = instance.http else { throw unavailable(routed.service, NotProcessed()) }
        let remaining = deadline - runtime.time.now
        guard remaining > .zero else { throw Fault.deadlineExceeded }
        do {
            let scope = ServiceTracer.nested(.client, name: exchange.verb)
            var outgoing = request(
                exchange,
                body,
                isRaw: routed.raw != nil,
                remaining: remaining,
                trace: scope?.trace ?? exchange.trace
            )
            outgoing.caller = caller
            let response = try await traced(scope?.span, exchange, to: routed) { [outgoing] in
                try await http.send(
                    outgoing,
                    host: address.host,
                    port: address.port,
                    timeout: remaining,
                    responseBytesMax: limits.responseBytesMax,
                    reserve: { exchange.reserveResponse(upTo: $0) }
                )
            }
            try requireOwn(response, address)
            return Answer(
                response: Self.response(response),
                isOverload: Problem.isOverload(status: Int(response.status.code), body: response.body)
            )
        } catch let error as HTTP1ClientError where error == .timedOut {
            throw Fault(.deadlineExceeded, .deadlineExceeded, "\(routed.service) did not respond in time", cause: error)
        } catch let error as HTTP1ClientError where error == .responseRefused {
            throw Fault.tooManyBytes(isProcessed: true)
        } catch let error as HTTP1ClientError where error == .overloaded {
            throw Fault(
                .resourceExhausted,
                .overloaded,
                "too many requests wait for \(routed.service)",
                retryAfter: .seconds(1),
                cause: NotProcessed()
            )
        } catch let error as HTTP1ClientError where error == .responseTooLarge(bytesMax: limits.responseBytesMax) {
            throw Fault(.internal, .internal, "the response is larger than \(limits.responseBytesMax) bytes")
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw unavailable(routed.service, error)
        }
    }

    /// Sends a request within its span.
    private func traced(
        _ span: ServiceSpan?,
        _ exchange: Exchange,
        to routed: RoutedMethod,
        send: () async throws -> HTTP1Client.Response
    ) async throws -> HTTP1Client.Response {
        guard let span else { return try await send() }
        span.set(.httpRequestMethod, exchange.verb)
        span.set(.serverAddress, routed.service)
        do {
            let response = try await send()
            let status = Int(response.status.code)
            span.set(.httpResponseStatusCode, status)
            if status >= 400 { span.fail("\(status)") }
            span.end(nil)
            return response
        } catch {
            span.end(error)
            throw error
        }
    }

    /// - Throws: ``ForeignUpstream`` for an answer that is not from this system.
    private func requireOwn(_ response: HTTP1Client.Response, _ address: Address) throws {
        guard let system else { return }
        let answered = response.headers[RESTHeaders.systemName]
        guard answered.count == 1, answered[0].utf8.elementsEqual(system.description.utf8) else {
            throw ForeignUpstream(address: address)
        }
    }

    private func request(
        _ exchange: Exchange,
        _ body: ByteBuffer,
        isRaw: Bool,
        remaining: Duration,
        trace: TraceContext
    ) -> HTTP1Client.Request {
        let request = exchange.request
        let query = request.query.map { "?\($0)" } ?? ""
        var outgoing = HTTP1Client.Request(
            method: exchange.verb,
            target: "\(request.path)\(query)",
            headers: [:],
            body: body
        )
        if isRaw {
            for field in Self.rawHeaders(request.headers) {
                outgoing.headers.add(name: field.name.canonicalName, value: field.value)
            }
        } else {
            for name in Self.forwardedHeaders {
                if let value = request.headers[name] { outgoing.headers.add(name: name.canonicalName, value: value) }
            }
        }
        // Added one by one, so that the service can reject repeated keys.
        for key in request.headers[values: RESTHeaders.idempotencyKey] {
            outgoing.headers.add(name: RESTHeaders.idempotencyKey.canonicalName, value: key)
        }
        if let system {
            outgoing.headers.add(name: RESTHeaders.systemName, value: system.description)
        }
        outgoing.headers.add(name: RESTHeaders.requestID.canonicalName, value: exchange.id)
        outgoing.headers.add(name: RESTHeaders.traceparent.canonicalName, value: trace.traceparent)
        if trace.state != .none {
            outgoing.headers.add(name: RESTHeaders.tracestate.canonicalName, value: trace.state.text)
        }
        outgoing.headers.add(name: RESTHeaders.requestTimeout.canonicalName, value: "\(max(1, remaining.milliseconds))")
        return outgoing
    }

    /// The headers of a request that are for an endpoint beside contracts: all but those of the connection, those that the
    /// gateway writes, and addresses that a client states.
    private static func rawHeaders(_ headers: HTTPFields) -> HTTPFields {
        let named: [String] = headers[values: .connection].flatMap { value -> [String] in
            value.lowercased().split(separator: ",").map { part in part.filter { $0 != " " && $0 != "\t" } }
        }
        return HTTPFields(
            headers.filter { field in
                let name = field.name.canonicalName
                return !withheldHeaders.contains(field.name) && !hopByHopHeaders.contains(name) && !named.contains(name)
                    && name != "forwarded" && !name.hasPrefix("x-forwarded-")
            }
        )
    }

    private static func response(_ upstream: HTTP1Client.Response) -> ServerResponse {
        var headers = HTTPFields()
        for (name, value) in upstream.headers where !hopByHopHeaders.contains(name.lowercased()) {
            guard let name = HeaderName(name), name != .contentLength, name != RESTHeaders.system else { continue }
            headers.append(HTTPFields.Element(name: name, value: value))
        }
        return ServerResponse(
            status: .init(code: Int(upstream.status.code)),
            headers: headers,
            body: ResponseBody(buffer: upstream.body)
        )
    }

    /// The outcome of the request is unknown unless `cause` states that no call was made: clients retry with the same idempotency key.
    private func unavailable(_ service: String, _ cause: (any Error)?) -> Fault {
        let why = problem().map { ": \($0)" } ?? ""
        return Fault(
            .unavailable,
            .unavailable,
            "\(service) is not available\(why)",
            retryAfter: .seconds(1),
            cause: cause
        )
    }
}

/// A program that does not belong to the gateway's system answers at the address of a service.
struct ForeignUpstream: Error, CustomStringConvertible {
    let address: Address

    var description: String { "at \(address) answers a program of another system" }
}
