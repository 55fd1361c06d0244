import Foundation
public import MartletCore
public import MartletHost
public import MartletResilience

extension Daemon {
    /// Runs one service as a process, until a signal; then ends the process.
    ///
    /// The whole program of a service:
    ///
    /// ```swift
    /// import Links
    /// import MartletDaemon
    ///
    /// await Daemon.run(LinksService.self)
    /// ```
    ///
    /// It reads its settings from flags and environment (`--help` lists them), opens the service's database, connects to
    /// the broker, migrates, and serves gRPC, REST, health and metrics.
    ///
    /// - Parameters:
    ///   - blueprint: The type of the service.
    ///   - http: Sends requests to other parties, as an `AsyncHTTPTransport`; `nil`: they are refused.
    ///   - crashPoints: The names of all crash points in the code: `MARTLET_CRASH` may name one of them.
    public static func run<Blueprint: ServiceBlueprint>(
        _ blueprint: Blueprint.Type,
        http: (any OutgoingTransport)? = nil,
        crashPoints: [String] = CrashPoints.toolkit
    ) async -> Never {
        await run(
            Blueprint.name,
            program: programName,
            crashPoints: crashPoints,
            settingsOf: [Blueprint.self]
        ) { context in
            var dependencies = ServiceDependencies(
                database: try context.database(of: Blueprint.name),
                bus: context.bus(),
                runtime: context.runtime,
                telemetry: context.telemetry,
                connect: context.connect
            )
            dependencies.instance = context.settings.instance
            dependencies.settings = context.settings(of: Blueprint.self)
            dependencies.http = http
            return try await ServiceRuntime(Blueprint.self, on: dependencies)
        }
    }

    /// The name of the program's file, for help and error messages.
    private static var programName: String { URL(filePath: CommandLine.arguments[0]).lastPathComponent }
}
