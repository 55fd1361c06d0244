import CrashList
import Foundation
import Logging
import MartletConfig
import MartletCore
import MartletDiscovery
import MartletHost
import MartletSecurity
import MartletTelemetry

/// `gatewayd`: the API gateway as a process.
package enum GatewayProgram {
    static let name = "gateway"

    struct Settings: Sendable {
        let http: ListenAddress
        let health: ListenAddress
        let drainDelay: Duration
        let registry: String
        let keys: String
        let system: SystemName?
        let callers: CallerSettings
        let traces: TraceSettings
        let logLevel: Logger.Level

        init(_ reader: inout ConfigReader) {
            let host = reader.string(
                "host",
                "127.0.0.1",
                help: "The address of listeners that have none of their own."
            )
            http = ListenAddress("http", host: host, port: 8_080, serves: "The public REST API", &reader)
            health = .health(host: host, &reader)
            drainDelay = DaemonSettings.drainDelay(&reader)
            registry = reader.string("registry", nil, help: "The file that lists the instances of every service.")
            keys = reader.string("keys", nil, help: "The folder with jwks.json.")
            system = SystemName(&reader)
            callers = CallerSettings(&reader)
            traces = TraceSettings(&reader)
            let level = reader.choice(
                "log-level",
                DaemonSettings.LogLevel.info,
                help: "The lowest level that is logged."
            )
            logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
        }
    }

    /// Serves until a signal, then ends the process.
    ///
    /// With `--openapi` as its only argument it prints the OpenAPI document of all contracts instead, without settings.
    package static func run() async -> Never {
        if CommandLine.arguments.dropFirst() == ["--openapi"] { printOpenAPI() }
        let settings = Daemon.read("gatewayd", crashPoints: CrashPointNames.all) { reader in Settings(&reader) }
        let runtime = Runtime.system
        var telemetry = Telemetry(service: name, level: settings.logLevel, time: runtime.time)
        let traces = TraceExport(
            settings.traces,
            instance: "1",
            isEdge: true,
            runtime: runtime,
            metrics: telemetry.metrics
        )
        telemetry.tracer = traces.recording(name)
        DaemonProcess.prepare(telemetry.logger)
        await Daemon.finish(telemetry.logger) { [telemetry] in
            try await telemetry.scope {
                try await traces.whileRunning {
                    let health = HealthListener(
                        settings.health,
                        metrics: telemetry.metrics,
                        system: settings.system,
                        runtime: runtime,
                        logger: telemetry.logger
                    )
                    try await health.whileRunning {
                        try await serve(settings, telemetry, traces: traces, health: health, runtime: runtime)
                    }
                }
            }
        }
    }

    private static func serve(
        _ settings: Settings,
        _ telemetry: Telemetry,
        traces: TraceExport,
        health: HealthListener,
        runtime: Runtime
    ) async throws {
        // The folder in which the services of this machine have their data, too.
        let disk = DiskSpace(path: URL(fileURLWithPath: settings.registry).deletingLastPathComponent().path)
        let verifier = try await LocalIssuer.verifier(in: settings.keys, callees: [], time: runtime.time)
        let authenticator = TokenAuthenticator(verifier: verifier)
        var limits = ServiceHostLimits()
        limits.notReadyDelay = settings.drainDelay
        var host = ServiceHost(
            [],
            listeners: Listeners(http: nil, grpc: nil, operate: nil, health: settings.health),
            authenticator: authenticator,
            metrics: telemetry.metrics,
            limits: limits,
            runtime: runtime,
            logger: telemetry.logger
        )
        host.health = health
        let registry = FileRegistry(path: settings.registry, every: .milliseconds(200), time: runtime.time)
        let server = try GatewayServer(
            address: settings.http,
            registry: registry,
            system: settings.system,
            problem: { disk.problem },
            authenticator: authenticator,
            callers: settings.callers.limits,
            addresses: settings.callers.addresses,
            readiness: host.readiness,
            metrics: telemetry.metrics,
            tracer: traces.tracer(of: name),
            runtime: runtime,
            logger: telemetry.logger
        )
        host.readiness.add { disk.problem }
        try await registry.whileWatched { try await host.run(httpServer: server) }
    }

    private static func printOpenAPI() -> Never {
        do {
            let document = try GatewayOpenAPI.joined()
            try FileHandle.standardOutput.write(contentsOf: Data("\(document)\n".utf8))
            exit(ExitStatus.clean.rawValue)
        } catch {
            // The exit status states it, too.
            try? FileHandle.standardError.write(contentsOf: Data("gatewayd: \(error)\n".utf8))
            exit(ExitStatus.internal.rawValue)
        }
    }
}
