import Foundation
public import Logging
public import MartletConfig
import MartletCore
public import MartletMessaging
public import MartletSQL
import MartletSecurity
import MartletTelemetry

/// A service as a process of its own: reads the configuration, chooses adapters, serves, and ends with an ``ExitStatus``.
public enum Daemon {
    /// Runs one blueprint.
    ///
    /// - Parameters:
    ///   - program: Its name, as help and faults say it.
    ///   - crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
    ///   - database: Opens the service's database; usually `SQLiteDatabase(path: place.databasePath, time: place.time)`.
    ///   - bus: Connects to the broker; usually a `RemoteEventLog` over `place.channel(to: "eventlog")`.
    public static func run<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        program: String,
        crashPoints: [String],
        database: @escaping @Sendable (DaemonPlace) async throws -> any SQLDatabase,
        bus: @escaping @Sendable (DaemonPlace) async throws -> any MessageBus
    ) async -> Never {
        await run(Blueprint.name, program: program, crashPoints: crashPoints) { place in
            let parts = ServiceParts(
                database: try await database(place),
                bus: try await bus(place),
                time: place.time,
                entropy: place.entropy,
                telemetry: place.telemetry,
                connect: place.connect
            )
            return try await ServiceRuntime(Blueprint.self, on: parts)
        }
    }

    /// Runs a unit that is no blueprint, such as the event log.
    ///
    /// - Parameter build: Called once the configuration is read; what it throws ends the process.
    public static func run(
        _ service: String,
        program: String,
        crashPoints: [String],
        build: @escaping @Sendable (DaemonPlace) async throws -> ServiceRuntime
    ) async -> Never {
        await runTogether(service, program: program, crashPoints: crashPoints) { place in [try await build(place)] }
    }

    /// Runs several services side by side in one process.
    ///
    /// - Parameter build: Called once the configuration is read; what it throws ends the process.
    public static func runTogether(
        _ service: String,
        program: String,
        crashPoints: [String],
        build: @escaping @Sendable (DaemonPlace) async throws -> [ServiceRuntime]
    ) async -> Never {
        let settings = read(program, crashPoints: crashPoints) { reader in DaemonSettings(&reader) }
        let time = SystemTime()
        let entropy = SystemEntropy()
        let telemetry = Telemetry(service: service, level: settings.logLevel, time: time)
        LoggingSystem.bootstrap { label in
            JSONLogHandler(
                service: service,
                label: label,
                level: settings.logLevel,
                time: time,
                output: .standardError
            )
        }
        await finish(telemetry.logger) {
            try await telemetry.scope {
                try FileManager.default.createDirectory(atPath: settings.data, withIntermediateDirectories: true)
                let verifier = TokenVerifier(
                    keys: try await KeySet.read(LocalIssuer.keySetPath(in: settings.keys)),
                    issuer: LocalIssuer.name,
                    audience: LocalIssuer.audience,
                    leeway: .seconds(30),
                    time: time
                )
                let place = DaemonPlace(
                    service: service,
                    settings: settings,
                    time: time,
                    entropy: entropy,
                    telemetry: telemetry
                )
                let host = ServiceHost(
                    try await build(place),
                    listeners: settings.listeners,
                    access: Access(verifier: verifier),
                    metrics: MetricsRegistry(service: service),
                    time: time,
                    entropy: entropy,
                    logger: telemetry.logger
                )
                try await host.run()
            }
        }
    }

    /// Reads a program's settings from its flags and environment, or ends it with what is wrong.
    ///
    /// - Parameter crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
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
            say(help.text, to: .standardOutput)
            exit(ExitStatus.clean.rawValue)
        } catch let faults as ConfigFaults {
            say("\(program):\n\(faults)", to: .standardError)
            exit(ExitStatus(faults).rawValue)
        } catch {
            say("\(program): \(error)", to: .standardError)
            exit(ExitStatus.internal.rawValue)
        }
    }

    /// - Throws: `ConfigFaults`, among them a crash point that does not exist: it would be waited for in vain.
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

    /// Runs `body` and ends the process with the status that fits how it came out.
    public static func finish(_ logger: Logger, _ body: () async throws -> Void) async -> Never {
        do {
            try await body()
            logger.info("stopped")
            exit(ExitStatus.clean.rawValue)
        } catch let bad as KeySet.Bad {
            logger.critical("stopped, the keys cannot be read", metadata: ["fault": "\(bad)"])
            exit(ExitStatus.config.rawValue)
        } catch {
            logger.critical("stopped by an error", error: error)
            exit(ExitStatus.internal.rawValue)
        }
    }

    private static func say(_ text: String, to file: FileHandle) { file.write(Data("\(text)\n".utf8)) }
}
