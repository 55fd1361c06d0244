import HTTPTypes
import Logging
import MartletContract
import MartletCore
import MartletHTTP
import MartletHost
import MartletREST
import MartletResilience
import MartletTelemetry
import NIOCore

/// Routes a request to its service, after checking its caller's limit, its token and its scope.
struct GatewayResponder: Sendable {
    private var edge: RESTEdge<RoutedMethod>

    /// - Throws: `Fault` when two methods have the same path, or a contract's document is not JSON.
    init(
        _ table: [RoutedMethod] = GatewayRoutes.all + GatewayRawRoutes.all,
        upstreams: Upstreams,
        callers: GatewayCallers,
        limits: GatewayLimits,
        readiness: Readiness,
        metrics: MetricsRegistry,
        tracer: ServiceTracer,
        runtime: Runtime,
        log: Logger
    ) throws {
        let requestMetrics = RequestMetrics(metrics)
        // Apart, since there may be an address in every group of callers.
        let throttlesByAddress = Self.throttles(table, limits, runtime: runtime)
        let throttlesByIdentity = Self.throttles(table, limits, runtime: runtime)
        edge = RESTEdge(
            routes: try Self.routes(of: table),
            runtime: runtime,
            log: log,
            peer: { $0.service },
            observe: { requestMetrics.count($0) },
            handle: { routed, _, exchange in
                // Before the throttle: a refusal of a caller is not one by the service.
                let caller = try callers.admit(exchange, to: routed.method)
                exchange.accepted(caller.principal)
                try routed.method.admit(caller.principal, from: exchange.peerIdentity)
                let deadline = try RESTHeaders.deadline(
                    of: exchange.request.headers,
                    standard: limits.requests.timeout,
                    limit: limits.requests.timeoutMax,
                    now: exchange.started
                )
                let isAnonymous = caller.principal.kind == .anonymous
                let throttle = (isAnonymous ? throttlesByAddress : throttlesByIdentity)[routed]
                try throttle?.admit(caller.name)
                let body = try await Self.body(
                    of: exchange,
                    upTo: routed.raw?.bodyBytesMax ?? limits.requests.bodyBytesMax,
                    deadline: deadline,
                    time: runtime.time
                )
                let answer = try await upstreams.forward(
                    exchange,
                    body,
                    of: caller.name,
                    to: routed,
                    deadline: deadline
                )
                throttle?.record(isAccepted: !answer.isOverload, for: caller.name)
                return answer.response
            }
        )
        HealthEndpoints(readiness).each { path, handler in edge.add(path, handler) }
        edge.tracer = tracer
        edge.system = upstreams.system?.description
        edge.admitUnrouted = { exchange in try callers.admitUnrouted(exchange) }
        edge.addDocument(try GatewayOpenAPI.joined())
    }

    /// The response to `request`; every error becomes a problem.
    ///
    /// - Parameter connection: On which the request arrived; `nil` without a listener.
    func answer(_ request: ServerRequest, on connection: RESTConnection?) async -> ServerResponse {
        await edge.answer(request, on: connection)
    }

    private static func routes(of table: [RoutedMethod]) throws -> RouteTable<RoutedMethod> {
        var routes = RouteTable<RoutedMethod>()
        for routed in table {
            for rule in routed.method.http { try routes.add(rule, routed) }
        }
        return routes
    }

    private static func throttles(
        _ table: [RoutedMethod],
        _ limits: GatewayLimits,
        runtime: Runtime
    ) -> [RoutedMethod: AdaptiveThrottle] {
        Dictionary(
            uniqueKeysWithValues: table.map { routed in
                let throttle = AdaptiveThrottle(
                    multiple: limits.throttleMultiple,
                    window: limits.throttleWindow,
                    runtime: runtime
                )
                return (routed, throttle)
            }
        )
    }

    private static func body(
        of exchange: Exchange,
        upTo bytes: Int,
        deadline: Moment,
        time: any TimeSource
    ) async throws -> ByteBuffer {
        guard exchange.request.hasBody else { return ByteBuffer() }
        // A slow upload counts against the request's deadline.
        return try await withDeadline(deadline, time) {
            try await exchange.body(upTo: bytes)
        }
    }
}
