import CrashList
import Inventory
import MartletEventLogClient
import MartletHost
import MartletSQLite

await Daemon.run(
    InventoryService.self,
    program: "inventoryd",
    crashPoints: CrashPointNames.all,
    database: { place in try SQLiteDatabase(path: place.databasePath, time: place.time) },
    bus: { place in
        RemoteEventLog(over: place.channel(to: "eventlog"), service: place.service, time: place.time)
    }
)
