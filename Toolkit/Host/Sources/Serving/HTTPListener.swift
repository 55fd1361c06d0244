import Hummingbird
import Logging
import MartletContract
import MartletCore
import MartletREST
import MartletTelemetry
import ServiceLifecycle

/// The listener for REST, health, metrics and OpenAPI.
struct HTTPListener: Entrance {
    private let server: RESTServer

    init(
        runtimes: [ServiceRuntime],
        metrics: MetricsRegistry,
        readiness: Readiness,
        host: String,
        port: Int,
        access: Access,
        limits: RESTLimits,
        time: any TimeSource,
        entropy: any Entropy,
        logger: Logger
    ) throws {
        let answered = RequestMetrics(metrics)
        var responder = try RESTResponder(
            contracts: runtimes.flatMap(\.contracts),
            authenticate: { try access.principal($0) },
            limits: limits,
            time: time,
            entropy: entropy,
            log: logger,
            observe: { answered.count($0) }
        )
        ListenerHooks(readiness: readiness, metrics: [metrics] + runtimes.map(\.telemetry.metrics))
            .each { path, answer in responder.add(path, answer) }
        server = RESTServer(responder, host: host, port: port, limits: .standard, logger: logger)
    }

    func boundPort() async throws -> Int { try await server.boundPort() }

    func run() async throws { try await server.run() }
}
