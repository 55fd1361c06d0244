import Logging
import MartletContract
import MartletCore
import MartletREST
import MartletTelemetry
import ServiceLifecycle

/// The listener for REST, health, metrics and OpenAPI.
struct HTTPListener: HTTPServer {
    private let server: RESTServer

    init(
        runtimes: [ServiceRuntime],
        metrics: MetricsRegistry,
        readiness: Readiness,
        host: String,
        port: Int,
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
            authenticate: { try authenticator.principal($0) },
            limits: limits,
            runtime: runtime,
            log: logger,
            observe: { requestMetrics.count($0) }
        )
        responder.system = system?.description
        ListenerHooks(readiness: readiness, metrics: [metrics] + runtimes.map(\.telemetry.metrics))
            .each { path, handler in responder.add(path, handler) }
        server = RESTServer(
            host: host,
            port: port,
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
