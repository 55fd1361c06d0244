import CrashList
import Inventory
import MartletEventLogClient
import MartletHost
import MartletSQLite

await Daemon.run(
    InventoryService.self,
    program: "inventoryd",
    crashPoints: CrashPointNames.all,
    database: { context in try SQLiteDatabase(path: context.databasePath, time: context.time) },
    bus: { context in
        RemoteEventLog(over: context.channel(to: "eventlog"), service: context.service, time: context.time)
    }
)
