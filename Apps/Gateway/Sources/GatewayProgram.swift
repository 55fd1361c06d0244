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
        let host: String
        let port: Int
        let registry: String
        let keys: String
        let system: SystemName?
        let callers: CallerSettings
        let logLevel: Logger.Level

        init(_ reader: inout ConfigReader) {
            host = reader.string("host", "127.0.0.1", help: "The address of the listener.")
            port = reader.port("http-port", 8080, help: "The public REST API; 0 chooses a free port.")
            registry = reader.string("registry", nil, help: "The file that lists the instances of every service.")
            keys = reader.string("keys", nil, help: "The folder with jwks.json.")
            system = SystemName(&reader)
            callers = CallerSettings(&reader)
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
        let telemetry = Telemetry(service: name, level: settings.logLevel, time: runtime.time)
        // The folder in which the services of this machine have their data, too.
        let disk = DiskSpace(path: URL(fileURLWithPath: settings.registry).deletingLastPathComponent().path)
        DaemonProcess.prepare(telemetry.logger)
        await Daemon.finish(telemetry.logger) {
            try await telemetry.scope {
                let verifier = try await LocalIssuer.verifier(in: settings.keys, time: runtime.time)
                let authenticator = TokenAuthenticator(verifier: verifier)
                let host = ServiceHost(
                    [],
                    listeners: Listeners(host: settings.host, http: nil, grpc: nil, operate: nil),
                    authenticator: authenticator,
                    metrics: telemetry.metrics,
                    runtime: runtime,
                    logger: telemetry.logger
                )
                let server = try GatewayServer(
                    host: settings.host,
                    port: settings.port,
                    registry: FileRegistry(path: settings.registry, every: .milliseconds(200), time: runtime.time),
                    system: settings.system,
                    problem: { disk.problem },
                    authenticator: authenticator,
                    callers: settings.callers.limits,
                    addresses: settings.callers.addresses,
                    readiness: host.readiness,
                    metrics: telemetry.metrics,
                    runtime: runtime,
                    logger: telemetry.logger
                )
                host.readiness.add { disk.problem }
                try await host.run(httpServer: server)
            }
        }
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
