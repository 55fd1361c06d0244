package import Logging
import MartletContract
package import MartletCore
package import MartletDiscovery
package import MartletHost
package import MartletREST
package import MartletResilience
package import MartletTelemetry

/// The gateway as a service of a process.
package struct GatewayServer: HTTPServer {
    private let server: RESTServer
    private let http: HTTP1Client

    /// - Parameters:
    ///   - address: Where it listens.
    ///   - registry: The instances of the services.
    ///   - system: The system to which the gateway belongs: answers of another one are not passed on. `nil`: any.
    ///   - problem: What is wrong with this machine, added to what callers read while a service is not available.
    ///   - authenticator: Verifies the tokens of requests.
    ///   - callers: How many requests one address or identity may send.
    ///   - addresses: Where the address of a client is read.
    ///   - readiness: The readiness of its process, reported by `/readyz`.
    ///   - metrics: Those of the process.
    ///   - tracer: Begins the spans of requests, and decides which are recorded.
    ///   - runtime: The clocks and the random numbers.
    ///   - logger: Receives one line per request.
    /// - Throws: `Fault` when two methods have the same path, or a contract's document is not JSON.
    package init(
        address: ListenAddress,
        registry: any Registry,
        system: SystemName?,
        problem: @escaping @Sendable () -> String?,
        authenticator: TokenAuthenticator,
        callers: CallerLimits,
        addresses: ClientAddressRule,
        readiness: Readiness,
        metrics: MetricsRegistry,
        tracer: ServiceTracer,
        runtime: Runtime,
        logger: Logger
    ) throws {
        let limits = GatewayLimits()
        http = Upstreams.client(limits)
        let upstreams = Upstreams(
            services: Set((GatewayRoutes.all + GatewayRawRoutes.all).map(\.service)),
            registry: registry,
            http: http,
            limits: limits,
            system: system,
            problem: problem,
            metrics: metrics,
            runtime: runtime
        )
        let responder = try GatewayResponder(
            upstreams: upstreams,
            callers: GatewayCallers(
                authenticator: authenticator,
                addresses: addresses,
                limiter: CallerLimiter(callers, metrics: metrics, runtime: runtime)
            ),
            limits: limits,
            readiness: readiness,
            metrics: metrics,
            tracer: tracer,
            runtime: runtime,
            log: logger
        )
        server = RESTServer(
            host: address.host,
            port: address.port,
            limits: .standard,
            budget: .process,
            time: runtime.time,
            logger: logger,
            respond: { request, connection in await responder.answer(request, on: connection) }
        )
    }

    package func boundPort() async throws -> Int { try await server.boundPort() }

    package func run() async throws {
        do {
            try await server.run()
            await http.shutdown()
        } catch {
            await http.shutdown()
            throw error
        }
    }
}
