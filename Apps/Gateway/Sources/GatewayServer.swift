import AsyncHTTPClient
import Hummingbird
public import Logging
import MartletContract
public import MartletCore
public import MartletDiscovery
public import MartletHost
public import MartletSecurity
public import MartletTelemetry
public import ServiceLifecycle

/// The gateway as a part of a process: serves until it is told to stop.
public struct GatewayServer: Service {
    private let application: any ApplicationProtocol
    private let http: HTTPClient

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - readiness: Of the process that it is part of: `/readyz` answers by it.
    /// - Throws: `Fault` when the route table contradicts itself.
    public init(
        host: String,
        port: Int,
        registry: any Registry,
        verifier: TokenVerifier,
        readiness: Readiness,
        metrics: MetricsRegistry,
        time: any TimeSource,
        entropy: any Entropy,
        logger: Logger
    ) throws {
        let limits = GatewayLimits()
        http = Upstreams.client(limits)
        let upstreams = Upstreams(
            services: Set(GatewayRoutes.all.map(\.service)),
            registry: registry,
            http: http,
            limits: limits,
            time: time
        )
        let responder = try GatewayResponder(
            upstreams: upstreams,
            verifier: verifier,
            limits: limits,
            readiness: readiness,
            metrics: metrics,
            time: time,
            entropy: entropy,
            log: logger
        )
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            logger: quiet
        )
    }

    public func run() async throws {
        do {
            try await application.run()
            try await http.shutdown()
        } catch {
            try await http.shutdown()
            throw error
        }
    }
}
