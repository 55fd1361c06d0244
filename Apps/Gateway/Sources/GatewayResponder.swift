import Hummingbird
import Logging
import MartletContract
import MartletCore
import MartletHost
import MartletREST
import MartletResilience
import MartletTelemetry

/// The one entrance: finds the service of a request, verifies its token, and hands it on.
struct GatewayResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    private var edge: RESTEdge<RoutedMethod>

    /// - Throws: `Fault` when two methods want one path.
    init(
        upstreams: Upstreams,
        access: Access,
        limits: GatewayLimits,
        readiness: Readiness,
        metrics: MetricsRegistry,
        time: any TimeSource,
        entropy: any Entropy,
        log: Logger
    ) throws {
        var routes = RouteTable<RoutedMethod>()
        for routed in GatewayRoutes.all {
            for rule in routed.method.http { try routes.add(rule, routed) }
        }
        let answered = RequestMetrics(metrics)
        let throttles = Dictionary(
            uniqueKeysWithValues: GatewayRoutes.all.map { routed in
                (
                    routed,
                    AdaptiveThrottle(
                        multiple: limits.throttleMultiple,
                        window: limits.throttleWindow,
                        time: time,
                        entropy: entropy
                    )
                )
            }
        )
        edge = RESTEdge(
            routes: routes,
            time: time,
            entropy: entropy,
            log: log,
            peer: { $0.service },
            observe: { answered.count($0) },
            handle: { routed, _, exchange in
                try routed.method.admit(try access.principal(exchange.request.headers))
                let deadline = try RESTHeaders.deadline(
                    of: exchange.request.headers,
                    standard: limits.requests.timeout,
                    limit: limits.requests.timeoutMax,
                    now: exchange.started
                )
                let throttle = throttles[routed]
                try throttle?.admit()
                let body = try await Self.body(of: exchange.request, limits, deadline, time)
                let answer = try await upstreams.forward(exchange, body, to: routed, deadline: deadline)
                throttle?.answered(isTaken: answer.status != .tooManyRequests)
                return answer
            }
        )
        ListenerHooks(readiness: readiness, metrics: [metrics]).each { path, answer in edge.add(path, answer) }
        edge.addDocument(GatewayOpenAPI.document)
    }

    func respond(to request: Request, context: Context) async throws -> Response { await edge.answer(request) }

    func answer(_ request: Request) async -> Response { await edge.answer(request) }

    private static func body(
        of request: Request,
        _ limits: GatewayLimits,
        _ deadline: Moment,
        _ time: any TimeSource
    ) async throws -> ByteBuffer {
        guard request.hasBody else { return ByteBuffer() }
        // A caller that sends slowly spends its own time.
        return try await withDeadline(deadline, time) {
            try await request.bytes(upTo: limits.requests.bodyBytesMax)
        }
    }
}
