import CrashList
import MartletCore
import MartletDaemon
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTelemetry

/// `shop`: every service in one process, each with its own database, calling one another directly.
package enum ShopProgram {
    /// Serves until a signal, then ends the process.
    package static func run() async -> Never {
        await Daemon.runTogether(
            "shop",
            program: "shop",
            crashPoints: CrashPointNames.all,
            settingsOf: ShopServices.all,
            reading: { $0.busPolicy() },
            build: { context, policy in
                try await services(
                    settings: ShopServices.all.flatMap { context.settings(of: $0) },
                    policy: policy,
                    runtime: context.runtime,
                    telemetry: { context.telemetry(of: $0) },
                    database: { try context.database(of: $0) }
                )
            }
        )
    }

    /// The topology: the services, each with its own database, calling one another directly.
    ///
    /// - Parameters:
    ///   - settings: Those of the services; presets apply to the others.
    ///   - policy: Who owns each topic, and who reads it.
    ///   - runtime: The clocks and the random numbers.
    ///   - telemetry: Made for each service.
    ///   - database: Opened for each service.
    static func services(
        settings: [any ServiceSettings] = [],
        policy: BusPolicy,
        runtime: Runtime,
        telemetry: (String) -> Telemetry,
        database: (String) throws -> any SQLDatabase
    ) async throws -> [ServiceRuntime] {
        let logDatabase = try database("eventlog")
        let log = try await EventLog.open(logDatabase, runtime: runtime, policy: policy)
        let services = LocalServices()
        // A handler that ends the process ends all services: one at a time runs in it.
        let process = InboxProcess(instance: "1")
        func service<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type) async throws -> ServiceRuntime {
            var dependencies = ServiceDependencies(
                database: try database(Blueprint.name),
                bus: log.bus(of: Blueprint.name),
                runtime: runtime,
                telemetry: telemetry(Blueprint.name),
                connect: { _ in LocalChannel(to: services, time: runtime.time) }
            )
            dependencies.process = process
            dependencies.settings = settings
            let built = try await ServiceRuntime(Blueprint.self, on: dependencies)
            services.add(built.contracts)
            return built
        }

        var runtimes = [
            ServiceRuntime(
                name: "eventlog",
                telemetry: telemetry("eventlog"),
                time: runtime.time,
                contracts: [.eventLogOfServices(log)],
                operatorContracts: [.eventLogOfOperators(log)],
                loops: [.init("event log", .relay) { try await log.run() }],
                database: logDatabase,
                close: { await logDatabase.close() }
            )
        ]
        for blueprint in ShopServices.all { runtimes.append(try await service(blueprint)) }
        return runtimes
    }
}
