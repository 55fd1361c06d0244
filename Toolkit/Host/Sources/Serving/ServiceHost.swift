public import Logging
import MartletContract
public import MartletCore
public import MartletREST
import MartletRPC
public import MartletTelemetry
import ServiceLifecycle
import UnixSignals

/// Puts the services of one process on their feet, and takes them down in order.
///
/// Shutdown by SIGTERM or SIGINT: not ready → a pause → listeners close and drain (GOAWAY) → consumers and jobs stop → workflows stop →
/// the outbox is flushed → the end. Every wait is bounded by ``ServiceHostLimits``.
public struct ServiceHost: Sendable {
    public let readiness = Readiness()
    private let runtimes: [ServiceRuntime]
    private let listeners: Listeners
    private let access: Access
    private let metrics: MetricsRegistry
    private let limits: ServiceHostLimits
    private let restLimits: RESTLimits
    private let time: any TimeSource
    private let entropy: any Entropy
    private let logger: Logger

    /// - Parameters:
    ///   - runtimes: One service, or several side by side: each keeps its own database, log scope and metrics.
    ///   - metrics: The process's own, exposed beside those of the services.
    public init(
        _ runtimes: [ServiceRuntime],
        listeners: Listeners,
        access: Access,
        metrics: MetricsRegistry,
        limits: ServiceHostLimits = ServiceHostLimits(),
        restLimits: RESTLimits = .standard,
        time: any TimeSource,
        entropy: any Entropy,
        logger: Logger
    ) {
        self.runtimes = runtimes
        self.listeners = listeners
        self.access = access
        self.metrics = metrics
        self.limits = limits
        self.restLimits = restLimits
        self.time = time
        self.entropy = entropy
        self.logger = logger
    }

    /// Serves until a signal, or until the task is cancelled.
    ///
    /// - Parameters:
    ///   - entrance: Serves HTTP in the place of the process's own listener, such as a gateway.
    ///   - whenServing: Told the ports once all listeners answer.
    /// - Throws: What a listener throws when it cannot bind; what a loop throws that should never end.
    public func run(
        entrance: (any Entrance)? = nil,
        handlingSignals: Bool = true,
        whenServing: @escaping @Sendable (BoundPorts) async throws -> Void = { _ in }
    ) async throws {
        ProcessMetrics.register(in: metrics, time: time)
        let own = try listeners.http.map { port in
            try HTTPListener(
                runtimes: runtimes,
                metrics: metrics,
                readiness: readiness,
                host: listeners.host,
                port: port,
                access: access,
                limits: restLimits,
                time: time,
                entropy: entropy,
                logger: logger
            )
        }
        let http: (any Entrance)? = entrance ?? own
        let grpc = listeners.grpc.map { server(runtimes.flatMap(\.contracts), port: $0) }
        // Every service has the same contract for operators: with several in one process, each is asked by its own process's port.
        let forOperators = OperatorContracts.joined(runtimes)
        let operate = forOperators.isEmpty ? nil : listeners.operate.map { server(forOperators, port: $0) }
        let announcement = Announcement(
            http: http,
            grpc: grpc,
            operate: operate,
            readiness: readiness,
            whenServing: whenServing
        )
        var services: [any Service] = []
        for stage in ServiceRuntime.Loop.Stage.allCases { services += staged(stage) }
        let listening: [(any Service)?] = [http, grpc, operate]
        services += listening.compactMap(\.self)
        services += [announcement, ReadinessGate(readiness: readiness, pause: limits.notReadyPause, time: time)]
        var configuration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: handlingSignals ? [.sigterm, .sigint] : [],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration =
            limits.notReadyPause + limits.drain + limits.stop + limits.stop + limits.flush + .seconds(1)
        // Whoever ignores its cancellation is not waited for: the process ends, and what was committed stays so.
        configuration.maximumCancellationDuration = limits.stop
        try await withLogger(logger) { _ in try await ServiceGroup(configuration: configuration).run() }
    }

    private func staged(_ stage: ServiceRuntime.Loop.Stage) -> [StagedService] {
        runtimes.compactMap { runtime in
            let loops = runtime.loops.filter { $0.stage == stage }
            guard !loops.isEmpty else { return nil }
            return StagedService(
                description: "\(runtime.name) \(stage)",
                loops: loops,
                time: time,
                limit: limits.stop,
                beforeStop: { if stage == .relay { await flush(runtime) } }
            )
        }
    }

    /// Waits until the relay has published what is committed, or time is over: then it is published after the next start.
    private func flush(_ runtime: ServiceRuntime) async {
        let deadline = time.now + limits.flush
        while time.now < deadline {
            // A database that is gone has nothing to flush now.
            guard let flushed = try? await runtime.isFlushed(), !flushed else { return }
            guard (try? await time.sleep(for: limits.flushLook)) != nil else { return }
        }
        logger.warning(
            "the outbox was not flushed in time, it goes on at the next start",
            metadata: ["service": "\(runtime.name)"]
        )
    }

    private func server(_ contracts: [ServedContract], port: Int) -> RPCServer {
        var serverLimits = RPCServerLimits()
        serverLimits.drain = limits.drain
        let access = access
        return RPCServer(
            contracts: contracts,
            host: listeners.host,
            port: port,
            limits: serverLimits,
            time: time,
            entropy: entropy,
            logger: logger,
            authenticate: { try access.principal($0) }
        )
    }

    private var quiet: Logger {
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        return quiet
    }
}

/// Says that the process serves, once every listener is bound.
private struct Announcement: Service {
    let http: (any Entrance)?
    let grpc: RPCServer?
    let operate: RPCServer?
    let readiness: Readiness
    let whenServing: @Sendable (BoundPorts) async throws -> Void

    func run() async throws {
        let ports = BoundPorts(
            http: try await http?.boundPort(),
            grpc: try await grpc?.boundPort(),
            operate: try await operate?.boundPort()
        )
        readiness.advance(to: .serving)
        Logger.current.info(
            "serving",
            metadata: [
                "http.port": "\(ports.http ?? 0)", "grpc.port": "\(ports.grpc ?? 0)",
                "operate.port": "\(ports.operate ?? 0)",
            ]
        )
        try await whenServing(ports)
        // Ends with the group.
        try? await gracefulShutdown()
    }
}
