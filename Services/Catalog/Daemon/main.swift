import Catalog
import CrashList
import MartletEventLogClient
import MartletHost
import MartletSQLite

await Daemon.run(
    CatalogService.self,
    program: "catalogd",
    crashPoints: CrashPointNames.all,
    database: { context in try SQLiteDatabase(path: context.databasePath, time: context.time) },
    bus: { context in
        RemoteEventLog(over: context.channel(to: "eventlog"), service: context.service, time: context.time)
    }
)
