import CrashList
import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSQLite
import MartletTelemetry

/// `eventlogd`: the embedded event log as a process of its own, reached by others over gRPC.
public enum EventLogProgram {
    /// Serves until a signal, then ends the process.
    public static func run() async -> Never {
        await Daemon.run("eventlog", program: "eventlogd", crashPoints: CrashPointNames.all) { place in
            let database = try SQLiteDatabase(path: place.databasePath, time: place.time)
            let log = try await EventLog.open(database, time: place.time, entropy: place.entropy)
            place.telemetry.metrics.readCounts(of: database)
            return ServiceRuntime(
                name: place.service,
                telemetry: place.telemetry,
                time: place.time,
                contracts: [.eventLog(EventLogHandler(log))],
                loops: [.init("event log", .relay) { try await log.run() }]
            )
        }
    }
}
