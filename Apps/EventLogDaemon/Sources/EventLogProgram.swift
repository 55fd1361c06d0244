import CrashList
import MartletContract
import MartletCore
import MartletDaemon
import MartletEventLog
import MartletHost
import MartletSQL
import MartletTelemetry

/// `eventlogd`: the event log as a process, reached over gRPC.
package enum EventLogProgram {
    /// Serves until a signal, then ends the process.
    package static func run() async -> Never {
        await Daemon.runTogether(
            "eventlog",
            program: "eventlogd",
            crashPoints: CrashPointNames.all,
            reading: { $0.busPolicy() },
            build: { context, policy in
                let database = try context.database(of: context.service)
                let log = try await EventLog.open(database, runtime: context.runtime, policy: policy)
                context.telemetry.metrics.readCounts(of: database)
                return [
                    ServiceRuntime(
                        name: context.service,
                        telemetry: context.telemetry,
                        time: context.time,
                        contracts: [.eventLogOfServices(log)],
                        operatorContracts: [.eventLogOfOperators(log)],
                        loops: [.init("event log", .relay) { try await log.run() }],
                        database: database,
                        close: { await database.close() }
                    )
                ]
            }
        )
    }
}
