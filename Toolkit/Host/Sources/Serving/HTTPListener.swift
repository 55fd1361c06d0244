import Hummingbird
import Logging
import MartletContract
import MartletCore
import MartletREST
import MartletTelemetry
import NIOCore
import ServiceLifecycle

/// The listener for REST, health, metrics and OpenAPI.
struct HTTPListener: Service {
    private let application: any ApplicationProtocol
    private let port: BoundPort

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
        Self.addHealth(to: &responder, readiness)
        let registries = [metrics] + runtimes.map(\.telemetry.metrics)
        responder.add("/metrics") { _ in
            Response(
                status: .ok,
                headers: [.contentType: MetricsText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: MetricsText.exposition(of: registries)))
            )
        }
        let bound = BoundPort()
        self.port = bound
        var quiet = logger
        // Hummingbird tells of its own starts and stops; ours is the one line.
        quiet.logLevel = max(.warning, logger.logLevel)
        application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in bound.set(channel.localAddress?.port) },
            logger: quiet
        )
    }

    func boundPort() async throws -> Int { try await port.wait() }

    func run() async throws {
        defer { port.set(nil) }
        try await application.run()
    }

    private static func addHealth(to responder: inout RESTResponder, _ readiness: Readiness) {
        // Liveness never asks a dependency: a process whose database is away is not healed by a restart.
        responder.add("/livez") { _ in text(.ok, "alive") }
        responder.add("/readyz") { _ in
            let state = readiness.current
            return text(state == .serving ? .ok : .serviceUnavailable, state.rawValue)
        }
    }

    private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n"))
        )
    }
}

/// Counts REST requests by verb, route and status.
private struct RequestMetrics: Sendable {
    private let metrics: MetricsRegistry

    init(_ metrics: MetricsRegistry) { self.metrics = metrics }

    func count(_ record: RequestRecord) {
        let route = record.route.isEmpty ? "none" : record.route
        metrics.counter(
            "martlet_http_requests_total",
            help: "REST requests answered.",
            labels: ["method": record.verb, "route": route, "status": "\(record.status)"]
        ).add()
        metrics.histogram(
            "martlet_http_request_seconds",
            help: "Time to answer a REST request.",
            labels: ["method": record.verb, "route": route]
        ).record(record.duration)
    }
}
