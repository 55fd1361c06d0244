import Hummingbird
import Logging
import MartletContract
import MartletCore
import MartletHost
import MartletREST
import MartletSecurity
import MartletTelemetry

/// The one entrance: finds the service of a request, verifies its token, and hands it on.
struct GatewayResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let upstreams: Upstreams
    let verifier: TokenVerifier
    let limits: GatewayLimits
    let readiness: Readiness
    let metrics: MetricsRegistry
    let time: any TimeSource
    let entropy: any Entropy
    let log: Logger
    private let routes: RouteTable<RoutedMethod>

    /// - Throws: `Fault` when two methods want one path.
    init(
        upstreams: Upstreams,
        verifier: TokenVerifier,
        limits: GatewayLimits,
        readiness: Readiness,
        metrics: MetricsRegistry,
        time: any TimeSource,
        entropy: any Entropy,
        log: Logger
    ) throws {
        self.upstreams = upstreams
        self.verifier = verifier
        self.limits = limits
        self.readiness = readiness
        self.metrics = metrics
        self.time = time
        self.entropy = entropy
        self.log = log
        var routes = RouteTable<RoutedMethod>()
        for routed in GatewayRoutes.all {
            for rule in routed.method.http { try routes.add(rule, routed) }
        }
        self.routes = routes
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        if request.method == .get, let answer = own(request.uri.path) { return answer }
        let id = RESTHeaders.requestID(of: request.headers, time: time, entropy: entropy)
        let trace = RESTHeaders.trace(of: request.headers, entropy: entropy)
        return await TraceContext.$current.withValue(trace) {
            await answer(request, id, trace, begun: time.now)
        }
    }

    func answer(_ request: Request, _ id: String, _ trace: TraceContext, begun: Moment) async -> Response {
        var route = "none"
        var service = "none"
        var response: Response
        do {
            switch try routes.find(request.method.rawValue, request.uri.path) {
            case .found(let routed, let template, _):
                route = template
                service = routed.service
                response = try await hand(request, to: routed, id, trace)
            case .otherVerbs(let verbs):
                let fault = Fault(.unimplemented, .methodNotAllowed, "this path has other methods")
                response = Problem(fault, requestID: id).response
                response.headers[.allow] = verbs.map(\.rawValue).joined(separator: ", ")
            case .unknownPath: throw Fault.unknownPath
            }
        } catch {
            response = Problem(Fault(describing: error), requestID: id).response
        }
        response.headers[RESTHeaders.requestID] = id
        let took = time.now - begun
        let status = Int(response.status.code)
        metrics.counter(
            "martlet_gateway_requests_total",
            help: "Requests answered.",
            labels: ["peer": service, "route": route, "status": "\(status)"]
        ).add()
        metrics.histogram(
            "martlet_gateway_request_seconds",
            help: "Time to answer a request.",
            labels: ["peer": service]
        ).record(took)
        log.info(
            "request",
            metadata: [
                "http.method": "\(HTTPRule.Verb(rawValue: request.method.rawValue)?.rawValue ?? "OTHER")",
                "http.route": "\(route)", "http.status": "\(status)", "peer": "\(service)", "request.id": "\(id)",
                "duration.us": "\(took.nanosecondsClamped / 1_000)",
            ]
        )
        return response
    }

    private func hand(
        _ request: Request,
        to routed: RoutedMethod,
        _ id: String,
        _ trace: TraceContext
    ) async throws -> Response {
        try admit(request, to: routed.method)
        let deadline = try RESTHeaders.deadline(
            of: request.headers,
            standard: limits.timeout,
            limit: limits.timeoutMax,
            now: time.now
        )
        let body = try await body(of: request)
        return try await upstreams.forward(
            request,
            body,
            to: routed,
            deadline: deadline,
            requestID: id,
            traceparent: trace.traceparent
        )
    }

    /// - Throws: `Fault` with `unauthenticated` or `permissionDenied`.
    private func admit(_ request: Request, to method: MethodDescriptor) throws {
        let principal = try verifier.principal(bearer(request.headers))
        guard !principal.holds(method.scope) else { return }
        guard principal.kind != .anonymous else {
            throw Fault(.unauthenticated, .unauthenticated, "a token is required")
        }
        throw Fault(.permissionDenied, .forbidden, "the token lacks the scope \(method.scope)")
    }

    private func bearer(_ headers: HTTPFields) throws -> String? {
        guard let value = headers[.authorization] else { return nil }
        guard value.utf8.count > 7, value.prefix(7).lowercased() == "bearer " else {
            throw Fault(.unauthenticated, .unauthenticated, "the authorization header holds no bearer token")
        }
        return String(value.dropFirst(7))
    }

    private func body(of request: Request) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.bodyBytesMax {
            throw Fault.bodyTooLarge(limit: limits.bodyBytesMax)
        }
        var body = ByteBuffer()
        for try await var piece in request.body {
            guard body.readableBytes + piece.readableBytes <= limits.bodyBytesMax else {
                throw Fault.bodyTooLarge(limit: limits.bodyBytesMax)
            }
            body.writeBuffer(&piece)
        }
        return body
    }

    /// What the gateway answers itself.
    private func own(_ path: String) -> Response? {
        switch path {
        case "/livez": plain(.ok, "text/plain; charset=utf-8", "alive\n")
        case "/readyz":
            plain(
                readiness.current == .serving ? .ok : .serviceUnavailable,
                "text/plain; charset=utf-8",
                readiness.current.rawValue + "\n"
            )
        case "/metrics": plain(.ok, MetricsText.contentType, MetricsText.exposition(of: [metrics]))
        case "/openapi.json": plain(.ok, "application/json", GatewayOpenAPI.document)
        default: nil
        }
    }

    private func plain(_ status: HTTPResponse.Status, _ type: String, _ text: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
