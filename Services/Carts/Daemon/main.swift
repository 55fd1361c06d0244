import Carts
import CrashList
import MartletEventLogClient
import MartletHost
import MartletSQLite

await Daemon.run(
    CartsService.self,
    program: "cartsd",
    crashPoints: CrashPointNames.all,
    database: { context in try SQLiteDatabase(path: context.databasePath, time: context.time) },
    bus: { context in
        RemoteEventLog(over: context.channel(to: "eventlog"), service: context.service, time: context.time)
    }
)
