import CrashList
import MartletEventLogClient
import MartletHost
import MartletSQLite
import Orders

await Daemon.run(
    OrdersService.self,
    program: "ordersd",
    crashPoints: CrashPointNames.all,
    database: { context in try SQLiteDatabase(path: context.databasePath, time: context.time) },
    bus: { context in
        RemoteEventLog(over: context.channel(to: "eventlog"), service: context.service, time: context.time)
    }
)
