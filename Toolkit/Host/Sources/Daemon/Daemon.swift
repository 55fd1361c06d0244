import Foundation
public import Logging
public import MartletConfig
import MartletCore
import MartletDiscovery
import MartletSecurity
import MartletTelemetry

/// Runs services as a process: reads the configuration, serves, exits with an ``ExitStatus``.
public enum Daemon {
    /// Runs a unit without a blueprint, such as the event log.
    ///
    /// - Parameters:
    ///   - service: Its name in logs, metrics and calls.
    ///   - program: Its name in help and error messages.
    ///   - crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
    ///   - blueprints: The services whose settings the program has.
    ///   - build: Called after the configuration is read; an error ends the process.
    public static func run(
        _ service: String,
        program: String,
        crashPoints: [String],
        settingsOf blueprints: [any ServiceBlueprint.Type] = [],
        build: @escaping @Sendable (DaemonContext) async throws -> ServiceRuntime
    ) async -> Never {
        await runTogether(service, program: program, crashPoints: crashPoints, settingsOf: blueprints) { context in
            [try await build(context)]
        }
    }

    /// Runs several services side by side in one process.
    ///
    /// - Parameters:
    ///   - service: Its name in logs, metrics and calls.
    ///   - program: Its name in help and error messages.
    ///   - crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
    ///   - blueprints: The services whose settings the program has.
    ///   - build: Called after the configuration is read; an error ends the process.
    public static func runTogether(
        _ service: String,
        program: String,
        crashPoints: [String],
        settingsOf blueprints: [any ServiceBlueprint.Type] = [],
        build: @escaping @Sendable (DaemonContext) async throws -> [ServiceRuntime]
    ) async -> Never {
        await runTogether(
            service,
            program: program,
            crashPoints: crashPoints,
            settingsOf: blueprints,
            reading: { _ in },
            build: { context, _ in try await build(context) }
        )
    }

    /// Runs several services side by side in one process, whose program has settings of its own.
    ///
    /// - Parameters:
    ///   - service: Its name in logs, metrics and calls.
    ///   - program: Its name in help and error messages.
    ///   - crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
    ///   - blueprints: The services whose settings the program has.
    ///   - own: Reads each of the program's own settings once.
    ///   - build: Called after the configuration is read, with what `own` has read; an error ends the process.
    public static func runTogether<Own: Sendable>(
        _ service: String,
        program: String,
        crashPoints: [String],
        settingsOf blueprints: [any ServiceBlueprint.Type] = [],
        reading own: (inout ConfigReader) -> Own,
        build: @escaping @Sendable (DaemonContext, Own) async throws -> [ServiceRuntime]
    ) async -> Never {
        let (settings, blueprintSettings, ownSettings) = read(program, crashPoints: crashPoints) { reader in
            (DaemonSettings(&reader), BlueprintSettings(of: blueprints, &reader), own(&reader))
        }
        let runtime = Runtime.system
        let metrics = MetricsRegistry(service: service)
        let traces = TraceExport(
            settings.traces,
            instance: settings.instance,
            isEdge: false,
            runtime: runtime,
            metrics: metrics
        )
        var telemetry = Telemetry(service: service, level: settings.logLevel, time: runtime.time)
        telemetry.tracer = traces.recording(service)
        let context = DaemonContext(
            service: service,
            settings: settings,
            serviceSettings: blueprintSettings,
            runtime: runtime,
            telemetry: telemetry,
            traces: traces
        )
        LoggingSystem.bootstrap { label in
            JSONLogHandler(
                service: service,
                label: label,
                level: settings.logLevel,
                time: runtime.time,
                output: .standardError
            )
        }
        DaemonProcess.prepare(telemetry.logger)
        await finish(telemetry.logger) {
            try await context.telemetry.scope {
                try await traces.whileRunning {
                    try await run(context, metrics: metrics, traces: traces) { context in
                        try await build(context, ownSettings)
                    }
                }
            }
        }
    }

    /// Serves while the process answers health and watches the registry.
    private static func run(
        _ context: DaemonContext,
        metrics: MetricsRegistry,
        traces: TraceExport,
        build: @escaping @Sendable (DaemonContext) async throws -> [ServiceRuntime]
    ) async throws {
        try FileManager.default.createDirectory(
            atPath: context.settings.data,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        // Keys that cannot be read end the process before its databases are migrated.
        _ = try await authenticator(of: [], in: context.settings, time: context.time)
        try await answeringHealth(in: context, metrics: metrics) { health in
            try await context.registry.whileWatched {
                try await serve(context, metrics: metrics, traces: traces, health: health, build: build)
            }
        }
    }

    /// Accepts users' tokens, and those of services that call one of these.
    private static func authenticator(
        of runtimes: [ServiceRuntime],
        in settings: DaemonSettings,
        time: any TimeSource
    ) async throws -> TokenAuthenticator {
        let callees = runtimes.map(\.name)
        return TokenAuthenticator(
            verifier: try await LocalIssuer.verifier(in: settings.keys, callees: callees, time: time)
        )
    }

    /// Runs `body` while the listener for health answers.
    private static func answeringHealth(
        in context: DaemonContext,
        metrics: MetricsRegistry,
        _ body: @escaping @Sendable (HealthListener?) async throws -> Void
    ) async throws {
        guard let address = context.settings.listeners.health else { return try await body(nil) }
        let listener = HealthListener(
            address,
            metrics: metrics,
            system: context.settings.system,
            runtime: context.runtime,
            logger: context.telemetry.logger
        )
        try await listener.whileRunning { try await body(listener) }
    }

    /// Builds the services, and serves until a signal.
    private static func serve(
        _ context: DaemonContext,
        metrics: MetricsRegistry,
        traces: TraceExport,
        health: HealthListener?,
        build: @Sendable (DaemonContext) async throws -> [ServiceRuntime]
    ) async throws {
        let settings = context.settings
        var limits = ServiceHostLimits()
        limits.notReadyDelay = settings.drainDelay
        let runtimes = try await build(context)
        var host = ServiceHost(
            runtimes,
            listeners: settings.listeners,
            authenticator: try await authenticator(of: runtimes, in: settings, time: context.time),
            metrics: metrics,
            limits: limits,
            system: settings.system,
            runtime: context.runtime,
            logger: context.telemetry.logger
        )
        host.health = health
        host.tracer = traces.tracer(of: context.service)
        let disk = DiskSpace(path: settings.data)
        host.readiness.add { disk.problem }
        do { try await host.run() } catch {
            await host.close()
            throw error
        }
        await host.close()
    }

    /// Reads a program's settings from its flags and environment; prints the faults and exits when they are invalid.
    ///
    /// - Parameters:
    ///   - program: Its name in help and error messages.
    ///   - crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
    ///   - body: Reads each setting once.
    public static func read<Settings>(
        _ program: String,
        crashPoints: [String],
        _ body: (inout ConfigReader) throws -> Settings
    ) -> Settings {
        do {
            return try settings(
                program,
                arguments: Array(CommandLine.arguments.dropFirst()),
                environment: ProcessInfo.processInfo.environment,
                crashPoints: crashPoints,
                body
            )
        } catch let help as HelpRequested {
            write(help.text, to: .standardOutput)
            exit(ExitStatus.clean.rawValue)
        } catch let faults as ConfigFaults {
            write("\(program):\n\(faults)", to: .standardError)
            exit(ExitStatus(faults).rawValue)
        } catch {
            write("\(program): \(error)", to: .standardError)
            exit(ExitStatus.internal.rawValue)
        }
    }

    /// - Throws: `ConfigFaults`; also for a crash point that does not exist, since it would never fire.
    static func settings<Settings>(
        _ program: String,
        arguments: [String],
        environment: [String: String],
        crashPoints: [String],
        _ body: (inout ConfigReader) throws -> Settings
    ) throws -> Settings {
        try Config.read(program: program, arguments: arguments, environment: environment) { reader in
            if let crash = environment[CrashPoints.variable] {
                do {
                    _ = try CrashSetting(crash, known: crashPoints)
                } catch {
                    reader.fault(CrashPoints.variable, "\(error)")
                }
            }
            return try body(&reader)
        }
    }

    /// Runs `body` and exits with the status of its outcome.
    public static func finish(_ logger: Logger, _ body: () async throws -> Void) async -> Never {
        do {
            try await body()
            logger.info("stopped")
            LogOutput.standardError.flush()
            exit(ExitStatus.clean.rawValue)
        } catch let invalid as KeySet.Invalid {
            logger.critical("stopped: the keys cannot be read", metadata: ["fault": "\(invalid)"])
            exit(ExitStatus.config.rawValue)
        } catch {
            logger.critical("stopped by an error", error: ErrorText.isDump(error) ? PlainError(error) : error)
            exit(ExitStatus.internal.rawValue)
        }
    }

    private static func write(_ text: String, to file: FileHandle) {
        // A message that cannot be written must not become a trap: the exit status has to be the right one.
        try? file.write(contentsOf: Data("\(text)\n".utf8))
    }
}
