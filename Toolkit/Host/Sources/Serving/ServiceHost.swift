public import Logging
import MartletContract
public import MartletCore
public import MartletREST
import MartletRPC
public import MartletTelemetry
import ServiceLifecycle
import UnixSignals

/// Runs the services of one process and shuts them down in order.
///
/// Shutdown by SIGTERM or SIGINT: not ready → delay → listeners close and drain (GOAWAY) → consumers and jobs stop →
/// workflows stop → the outbox is flushed → the databases close → exit. Every step is bounded by ``ServiceHostLimits``.
public struct ServiceHost: Sendable {
    package let readiness = Readiness()
    /// Runs already, around ``run(httpServer:handlingSignals:whenServing:)``; reports the state of the services from then on.
    package var health: HealthListener?
    /// The limits of the listeners for services and operators; `drain` is the host's.
    var rpcLimits = RPCServerLimits()
    /// Begins the spans of REST requests; `nil`: none is recorded.
    package var tracer: ServiceTracer?
    private let runtimes: [ServiceRuntime]
    private let listeners: Listeners
    private let authenticator: TokenAuthenticator
    private let metrics: MetricsRegistry
    private let limits: ServiceHostLimits
    private let restLimits: RESTLimits
    private let system: SystemName?
    private let budget: ListenerBudget
    private let runtime: Runtime
    private let logger: Logger

    /// - Parameters:
    ///   - runtimes: One or more services, each with its own database, log scope and metrics.
    ///   - listeners: The addresses to listen on; that of health belongs to the `HealthListener`.
    ///   - authenticator: Verifies the tokens of requests.
    ///   - metrics: Those of the process, exposed with those of the services.
    ///   - limits: How long each step of a shutdown may take.
    ///   - restLimits: The limits of the HTTP listener.
    ///   - system: The system to which the process belongs; its HTTP listener refuses requests for another.
    ///   - budget: The connections and bytes of all listeners together.
    ///   - runtime: The clocks and the random numbers.
    ///   - logger: The log of the process.
    public init(
        _ runtimes: [ServiceRuntime],
        listeners: Listeners,
        authenticator: TokenAuthenticator,
        metrics: MetricsRegistry,
        limits: ServiceHostLimits = ServiceHostLimits(),
        restLimits: RESTLimits = .standard,
        system: SystemName? = nil,
        budget: ListenerBudget = .process,
        runtime: Runtime,
        logger: Logger
    ) {
        self.runtimes = runtimes
        self.listeners = listeners
        self.authenticator = authenticator
        self.metrics = metrics
        self.limits = limits
        self.restLimits = restLimits
        self.system = system
        self.budget = budget
        self.runtime = runtime
        self.logger = logger
        for service in runtimes { readiness.add(service.problem) }
    }

    /// Serves until a signal, or until its task is cancelled.
    ///
    /// - Parameters:
    ///   - httpServer: Replaces the process's own HTTP listener, such as a gateway.
    ///   - handlingSignals: Whether SIGTERM and SIGINT shut the process down; false in tests.
    ///   - whenServing: Called with the ports once all listeners are bound.
    /// - Throws: The error of a listener that cannot bind, or of a loop that fails.
    public func run(
        httpServer: (any HTTPServer)? = nil,
        handlingSignals: Bool = true,
        whenServing: @escaping @Sendable (BoundPorts) async throws -> Void = { _ in }
    ) async throws {
        ProcessMetrics.register(in: metrics, time: runtime.time)
        KeyWatch.export(authenticator.verifier, to: metrics)
        health?.show(readiness, [metrics] + runtimes.map(\.telemetry.metrics))
        let ownListener = try listeners.http.map { address in
            try HTTPListener(
                runtimes: runtimes,
                metrics: metrics,
                readiness: readiness,
                tracer: tracer,
                address: address,
                system: system,
                authenticator: authenticator,
                limits: restLimits,
                budget: budget,
                runtime: runtime,
                logger: logger
            )
        }
        let http: (any HTTPServer)? = httpServer ?? ownListener
        let grpc = listeners.grpc.map { server(runtimes.flatMap(\.contracts), at: $0) }
        let operatorContracts = OperatorContracts.joined(runtimes)
        let operate = operatorContracts.isEmpty ? nil : listeners.operate.map { server(operatorContracts, at: $0) }
        let announcement = Announcement(
            http: http,
            grpc: grpc,
            operate: operate,
            health: health,
            readiness: readiness,
            whenServing: whenServing
        )
        var services: [any Service] = []
        for stage in ServiceRuntime.Loop.Stage.allCases { services += staged(stage) }
        // Before the listeners, which stop first: while they drain, keys are still replaced and withdrawn.
        services.append(KeyWatch(verifier: authenticator.verifier))
        let listening: [(any Service)?] = [http, grpc, operate]
        services += listening.compactMap(\.self)
        services.append(FreedMemoryReturn(budget: budget, time: runtime.time))
        services += [
            announcement, ReadinessGate(readiness: readiness, delay: limits.notReadyDelay, time: runtime.time),
        ]
        var configuration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: handlingSignals ? [.sigterm, .sigint] : [],
            logger: groupLogger
        )
        configuration.maximumGracefulShutdownDuration =
            limits.notReadyDelay + limits.drain + limits.stop + limits.stop + limits.flush + .seconds(1)
        // A task that ignores its cancellation is abandoned: the process exits, and commits are durable.
        configuration.maximumCancellationDuration = limits.stop
        try await withLogger(logger) { _ in try await ServiceGroup(configuration: configuration).run() }
    }

    private func staged(_ stage: ServiceRuntime.Loop.Stage) -> [StagedService] {
        runtimes.compactMap { service in
            let loops = service.loops.filter { $0.stage == stage }
            guard !loops.isEmpty else { return nil }
            return StagedService(
                description: "\(service.name) \(stage)",
                loops: loops,
                time: runtime.time,
                limit: limits.stop,
                beforeStop: { if stage == .relay { await flush(service) } }
            )
        }
    }

    /// Waits until the relay has published all committed events, at most `limits.flush`.
    ///
    /// The rest is published after the next start.
    private func flush(_ service: ServiceRuntime) async {
        let deadline = runtime.time.now + limits.flush
        while runtime.time.now < deadline {
            // Nothing can be flushed from an unavailable database.
            guard let flushed = try? await service.isFlushed(), !flushed else { return }
            guard (try? await runtime.time.sleep(for: limits.flushInterval)) != nil else { return }
        }
        logger.warning(
            "the outbox was not flushed in time, the rest is published after the next start",
            metadata: ["service": "\(service.name)"]
        )
    }

    /// Closes the databases of all services when everything else has stopped; a repeat does nothing.
    ///
    /// Returns after `limits.close` at the latest: what is not closed then ends with the process, as after a kill, and its
    /// commits are durable.
    package func close() async {
        let (runtimes, runtime, limit) = (runtimes, runtime, limits.close)
        // Not a task group: a body that does not end would hold up the exit.
        let closing = Task {
            await withTaskGroup(of: Void.self) { group in
                for service in runtimes { group.addTask { await service.close() } }
            }
        }
        let timeout = Task { try await runtime.time.sleep(for: limit) }
        Task {
            await closing.value
            timeout.cancel()
        }
        guard case .success = await timeout.result else { return }
        logger.warning(
            "a database did not close in time, its log stays beside it until the next start",
            metadata: ["limit": "\(limit)"]
        )
    }

    private func server(_ contracts: [ServedContract], at address: ListenAddress) -> RPCServer {
        var serverLimits = rpcLimits
        serverLimits.drain = limits.drain
        let authenticator = authenticator
        return RPCServer(
            contracts: contracts,
            host: address.host,
            port: address.port,
            limits: serverLimits,
            budget: budget,
            runtime: runtime,
            logger: logger,
            authenticate: { try authenticator.authentication($0, from: $1) }
        )
    }

    private var groupLogger: Logger {
        var groupLogger = logger
        groupLogger.logLevel = max(.warning, logger.logLevel)
        return groupLogger
    }
}

/// Reports readiness once every listener is bound.
private struct Announcement: Service {
    let http: (any HTTPServer)?
    let grpc: RPCServer?
    let operate: RPCServer?
    let health: HealthListener?
    let readiness: Readiness
    let whenServing: @Sendable (BoundPorts) async throws -> Void

    func run() async throws {
        let ports = BoundPorts(
            http: try await http?.boundPort(),
            grpc: try await grpc?.boundPort(),
            operate: try await operate?.boundPort(),
            health: try await health?.boundPort()
        )
        readiness.advance(to: .serving)
        Logger.current.info(
            "serving",
            metadata: [
                "http.port": "\(ports.http ?? 0)", "grpc.port": "\(ports.grpc ?? 0)",
                "operate.port": "\(ports.operate ?? 0)", "health.port": "\(ports.health ?? 0)",
            ]
        )
        try await whenServing(ports)
        // Completes with the group.
        try? await gracefulShutdown()
    }
}
