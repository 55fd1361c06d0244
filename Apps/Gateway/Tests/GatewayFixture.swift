import HTTPTypes
import Logging
import MartletContract
import MartletCore
import MartletDiscovery
import MartletHTTP
import MartletHost
import MartletREST
import MartletResilience
import MartletSecurity
import MartletTelemetry
import MartletTesting
import NIOCore

@testable import Gateway

/// A gateway without a listener, on virtual time, and the issuer of its callers' tokens.
struct GatewayFixture: Sendable {
    let time = ManualTime()
    let entropy = SeededEntropy(seed: 1)
    let folder: TemporaryFolder
    let issuer: LocalIssuer

    init() async throws {
        folder = try TemporaryFolder()
        issuer = try await LocalIssuer(folder: folder.path, algorithm: .edDSA, time: time)
    }

    /// The response of a gateway of its own to one request.
    func send(
        _ verb: HTTPRequest.Method,
        _ path: String,
        token: String? = nil,
        headers: HTTPFields = [:],
        body: RequestBody = RequestBody([]),
        instances: [String: [Instance]] = [:],
        metrics: MetricsRegistry = MetricsRegistry(service: "gateway")
    ) async throws -> ServerResponse {
        var fields = headers
        if let token { fields[.authorization] = "Bearer \(token)" }
        let request = Self.request(verb, path, headers: fields, body: body)
        return try await withGateway(instances: instances, metrics: metrics) { await $0.answer(request, on: nil) }
    }

    static func request(
        _ verb: HTTPRequest.Method,
        _ path: String,
        headers: HTTPFields = [:],
        body: RequestBody = RequestBody([])
    ) -> ServerRequest {
        ServerRequest(
            head: HTTPRequest(method: verb, scheme: nil, authority: nil, path: path, headerFields: headers),
            body: body
        )
    }

    /// A listener on a free port, with a budget of its own: other suites spend that of the process.
    func listener(_ respond: @escaping @Sendable (ServerRequest, RESTConnection) async -> ServerResponse) -> RESTServer
    {
        RESTServer(
            host: "127.0.0.1",
            port: 0,
            limits: Self.serviceLimits,
            budget: ListenerBudget(ListenerLimits(descriptors: 4_096)),
            time: time,
            logger: Self.log,
            respond: respond
        )
    }

    /// Of the connections to a fake service, which outlive those of the gateway's client.
    private static var serviceLimits: ConnectionLimits {
        var limits = ConnectionLimits(idle: HangLimit.wait * 2, drainBytesMax: 1 << 20, linger: HangLimit.wait)
        limits.head = HangLimit.wait
        limits.body = HangLimit.wait
        limits.sendTimeout = HangLimit.wait
        return limits
    }

    /// Connections and requests end by a hang only, however busy the machine is.
    static var limits: GatewayLimits {
        var limits = GatewayLimits()
        limits.requests = RESTLimits(bodyBytesMax: 1 << 20, timeout: HangLimit.wait, timeoutMax: HangLimit.wait)
        limits.connect = HangLimit.wait
        limits.idle = HangLimit.wait
        return limits
    }

    /// Runs `body` with a gateway whose only instances are `instances`.
    func withGateway<R>(
        _ table: [RoutedMethod] = GatewayRoutes.all,
        instances: [String: [Instance]],
        limits: GatewayLimits = Self.limits,
        system: SystemName? = nil,
        problem: String? = nil,
        callers: CallerLimits = CallerLimits(),
        addresses: ClientAddressRule = ClientAddressRule(proxies: [], header: .xForwardedFor),
        metrics: MetricsRegistry = MetricsRegistry(service: "gateway"),
        _ body: (GatewayResponder) async throws -> R
    ) async throws -> R {
        let verifier = TokenVerifier(
            issuers: [
                LocalIssuer.entry(FixedKeys(try await KeySet.read(LocalIssuer.keySetPath(in: folder.path))))
            ],
            people: .people,
            audience: LocalIssuer.audience,
            callees: [],
            leeway: .seconds(30),
            time: time
        )
        let http = Upstreams.client(limits)
        let runtime = Runtime(time: time, entropy: entropy)
        let upstreams = Upstreams(
            services: Set(table.map(\.service)),
            registry: StaticRegistry(instances, time: time),
            http: http,
            limits: limits,
            system: system,
            problem: { problem },
            metrics: metrics,
            runtime: runtime
        )
        let responder = try GatewayResponder(
            table,
            upstreams: upstreams,
            callers: GatewayCallers(
                authenticator: TokenAuthenticator(verifier: verifier),
                addresses: addresses,
                limiter: CallerLimiter(callers, metrics: metrics, runtime: runtime)
            ),
            limits: limits,
            readiness: Readiness(),
            metrics: metrics,
            tracer: ServiceTracer(offFor: "gateway", runtime: runtime, isEdge: true),
            runtime: runtime,
            log: Self.log
        )
        do {
            let result = try await body(responder)
            await http.shutdown()
            return result
        } catch {
            await http.shutdown()
            throw error
        }
    }

    static var log: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
