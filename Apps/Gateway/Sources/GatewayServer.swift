import AsyncHTTPClient
import Hummingbird
public import Logging
import MartletContract
public import MartletCore
public import MartletDiscovery
public import MartletHost
import MartletREST
public import MartletTelemetry

/// The gateway as a part of a process: serves until it is told to stop.
public struct GatewayServer: Entrance {
    private let server: RESTServer
    private let http: HTTPClient

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - readiness: Of the process that it is part of: `/readyz` answers by it.
    /// - Throws: `Fault` when the route table contradicts itself.
    public init(
        host: String,
        port: Int,
        registry: any Registry,
        access: Access,
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
            access: access,
            limits: limits,
            readiness: readiness,
            metrics: metrics,
            time: time,
            entropy: entropy,
            log: logger
        )
        server = RESTServer(responder, host: host, port: port, limits: .standard, logger: logger)
    }

    public func boundPort() async throws -> Int { try await server.boundPort() }

    public func run() async throws {
        do {
            try await server.run()
            try await http.shutdown()
        } catch {
            try await http.shutdown()
            throw error
        }
    }
}
