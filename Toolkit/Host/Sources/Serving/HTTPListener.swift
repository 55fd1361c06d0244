import Logging
import MartletContract
import MartletCore
import MartletREST
import MartletTelemetry
import ServiceLifecycle

/// The listener for REST and OpenAPI, with health.
struct HTTPListener: HTTPServer {
    private let server: RESTServer

    init(
        runtimes: [ServiceRuntime],
        metrics: MetricsRegistry,
        readiness: Readiness,
        tracer: ServiceTracer?,
        address: ListenAddress,
        system: SystemName?,
        authenticator: TokenAuthenticator,
        limits: RESTLimits,
        budget: ListenerBudget,
        runtime: Runtime,
        logger: Logger
    ) throws {
        let requestMetrics = RequestMetrics(metrics)
        var responder = try RESTResponder(
            contracts: runtimes.flatMap(\.contracts),
            raw: runtimes.flatMap(\.raw),
            authenticate: { try authenticator.principal($0, from: $1) },
            limits: limits,
            runtime: runtime,
            log: logger,
            observe: { requestMetrics.count($0) }
        )
        responder.system = system?.description
        if let tracer { responder.tracer = tracer }
        HealthEndpoints(readiness).each { path, handler in responder.add(path, handler) }
        server = RESTServer(
            host: address.host,
            port: address.port,
            limits: .standard,
            budget: budget,
            time: runtime.time,
            logger: logger,
            respond: { [responder] request, connection in await responder.answer(request, on: connection) }
        )
    }

    func boundPort() async throws -> Int { try await server.boundPort() }

    func run() async throws { try await server.run() }
}
